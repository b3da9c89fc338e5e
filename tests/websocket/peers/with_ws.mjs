// Talks to a server, or is one: `client URL` or `server`. The last argument is the package.json whose `ws` is used.
import { once } from 'node:events';
import { createRequire } from 'node:module';

const { WebSocket, WebSocketServer } = createRequire(process.argv.at(-1))('ws');

async function client(url) {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  for (const message of ['grün', Buffer.alloc(100_000)]) {
    socket.send(message);
    const [answer, binary] = await once(socket, 'message');
    if (binary === (typeof message === 'string') || !answer.equals(Buffer.from(message))) throw new Error('another echo');
  }
  socket.ping('payload');
  const [pong] = await once(socket, 'pong');
  if (pong.toString() !== 'payload') throw new Error('another pong');
  socket.close(3001, 'enough');
  const [code] = await once(socket, 'close');
  if (code !== 3001) throw new Error(`closed with ${code}`);
  console.log('done');
}

async function server() {
  const listening = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'echo', perMessageDeflate: true });
  listening.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  await once(listening, 'listening');
  console.log(listening.address().port);
  process.stdin.resume();
  await once(process.stdin, 'end');
  process.exit();
}

await (process.argv[2] === 'server' ? server() : client(process.argv[3]));
