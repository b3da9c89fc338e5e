// Calls of the application into this page that want a result.

import type { Refs } from "./actions";
import { messageOf } from "./call-errors";
import { type Connection } from "./connection";

const TOPIC = "selvedge.page.call";

interface PageCall {
  id: number;
  ref: string;
  method: string;
  args: unknown;
}

/** Answers each call with the value that the method returns or resolves to, or with the reason why there is none. */
export function answerPageCalls(connection: Pick<Connection, "call" | "subscribe">, refs: Refs): void {
  const answer = (...args: unknown[]) => connection.call("selvedge.page.answer", args);
  connection.subscribe(TOPIC, (data) => {
    const call = data as PageCall;
    const refuse = (error: unknown) => answer(call.id, false, messageOf(error));
    // The second refusal is for results that cannot be sent. If the connection is lost, the server ends the call.
    run(call, refs)
      .then((result) => answer(call.id, true, result ?? null), refuse)
      .catch(refuse)
      .catch(() => undefined);
  });
}

async function run({ ref, method, args }: PageCall, refs: Refs): Promise<unknown> {
  const target = refs[ref] as Refs | null | undefined;
  if (target === null || target === undefined) throw new Error(`The page has no element with the ref "${ref}".`);
  const called = target[method];
  if (typeof called !== "function") throw new Error(`The element with the ref "${ref}" has no method "${method}".`);
  return (await Reflect.apply(called, target, Array.isArray(args) ? args : [])) as unknown;
}
