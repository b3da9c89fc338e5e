// Pictures that a server renders for a view, with the interface that trame's remote views (vtk.js)
// expect of a client. Names, methods and messages are those of vtk.js' image stream.
//
// Callers detach methods from their object, so nothing here relies on `this`.

import { ConnectionLost } from "./call-errors";
import type { Session } from "./session";

const PICTURES = "viewport.image.push.subscription";

/** Number of picture URLs that stay valid after a newer one: views draw them a little later. */
const KEPT_URLS = 60;

interface Picture {
  id?: unknown;
  image?: BlobPart;
  size?: unknown;
  memsize?: unknown;
  workTime?: unknown;
}

/**
 * The newest picture of a view. `image` is set if the view decodes its pictures, which is the
 * default.
 */
interface ImageEvent {
  url: string;
  image?: HTMLImageElement;
  fps: number;
  metadata: { size: unknown; id: unknown; memory: unknown; workTime: unknown };
}

/** The part of a camera of vtk.js that is sent. */
interface Camera {
  getFocalPoint: () => number[];
  getViewUp: () => number[];
  getPosition: () => number[];
  getParallelProjection: () => boolean;
  getViewAngle: () => number;
  getParallelScale: () => number;
}

type ImageDelivery = ReturnType<typeof imageDelivery>;
export type ImageStream = ReturnType<typeof createImageStream>;
export type ViewStream = ReturnType<typeof createViewStream>;

/** The methods of a server that renders. Views call some of them without their stream. */
function imageDelivery(session: Session) {
  return {
    subscribeToImageStream: (callback: Parameters<Session["subscribe"]>[1]) => session.subscribe(PICTURES, callback),
    unsubscribeToImageStream: session.unsubscribe,
    registerView: (view: unknown) => session.call("viewport.image.push.observer.add", [view]),
    unregisterView: (view: unknown) => session.call("viewport.image.push.observer.remove", [view]),
    enableView: (view: unknown, enabled: boolean) => session.call("viewport.image.push.enabled", [view, enabled]),
    render: (options: object = { size: [400, 400], view: -1 }) => session.call("viewport.image.push", [options]),
    resetCamera: (view: unknown = -1) => session.call("viewport.camera.reset", [view]),
    invalidateCache: (view: unknown) => session.call("viewport.image.push.invalidate.cache", [view]),
    setQuality: (view: unknown, quality: number, ratio = 1) =>
      session.call("viewport.image.push.quality", [view, quality, ratio]),
    setSize: (view: unknown, width = 400, height = 400) =>
      session.call("viewport.image.push.original.size", [view, width, height]),
    setServerAnimationFPS: (fps = 30) => session.call("viewport.image.animation.fps.max", [fps]),
    getServerAnimationFPS: () => session.call("viewport.image.animation.fps.get", []),
    startAnimation: (view: unknown = -1) => session.call("viewport.image.animation.start", [view]),
    stopAnimation: (view: unknown = -1) => session.call("viewport.image.animation.stop", [view]),
    updateCamera: (view: unknown, focalPoint: number[], viewUp: number[], position: number[], forceUpdate = true) =>
      session.call("viewport.camera.update", [view ?? -1, focalPoint, viewUp, position, forceUpdate]),
    updateCameraParameters: (view: unknown = -1, parameters: object = {}, forceUpdate = true) =>
      session.call("viewport.camera.update.params", [view, parameters, forceUpdate]),
  };
}

export function createImageStream(session: Session) {
  const protocol = imageDelivery(session);
  const views = new Set<ViewStream>();
  let serverAnimationFPS = -1;
  const subscription = protocol.subscribeToImageStream(([message]) => {
    const picture = message as Picture | null;
    if (picture?.image) for (const view of views) view.processMessage(picture);
  });
  const stream = {
    registerViewStream: (view: ViewStream) => void views.add(view),
    unregisterViewStream: (view: ViewStream) => void views.delete(view),
    getServerAnimationFPS: () => serverAnimationFPS,
    setServerAnimationFPS: (fps = 30) => {
      serverAnimationFPS = fps;
      return protocol.setServerAnimationFPS(fps);
    },
    /** Returns a view of the server by its id; `-1` is the view rendered last. */
    createViewStream: (viewId: unknown = "-1", [width, height] = [400, 400] as [number, number]): ViewStream => {
      const view = createViewStream(protocol, stream);
      view.setViewId(viewId);
      void view.setSize(width, height);
      views.add(view);
      return view;
    },
    delete: () => {
      for (const view of views) view.delete();
      void subscription.unsubscribe();
    },
    /** Registers the views on a new connection, whose server does not know them. */
    reconnected: () => views.forEach((view) => view.announce()),
  };
  return stream;
}

interface Parent {
  unregisterViewStream: (view: ViewStream) => void;
  getServerAnimationFPS: () => number;
  setServerAnimationFPS: (fps?: number) => Promise<unknown>;
}

/** Settings of a view, each with a getter and a setter that says whether it has changed. */
const SETTINGS = {
  cameraUpdateRate: 30,
  decodeImage: true,
  fpsWindowSize: 250,
  interactiveQuality: 80,
  interactiveRatio: 1,
  stillQuality: 100,
  stillRatio: 1,
  useCameraParameters: false,
};

type Settings = typeof SETTINGS;
type Accessors = { [K in keyof Settings as `get${Capitalize<K>}`]: () => Settings[K] } & {
  [K in keyof Settings as `set${Capitalize<K>}`]: (value: Settings[K]) => boolean;
};

function accessors(settings: Settings): Accessors {
  const methods = Object.keys(settings).flatMap((key) => {
    const name = key.charAt(0).toUpperCase() + key.slice(1);
    const set = (value: unknown) => {
      const changed = Reflect.get(settings, key) !== value;
      Reflect.set(settings, key, value);
      return changed;
    };
    return [
      [`get${name}`, () => Reflect.get(settings, key) as unknown],
      [`set${name}`, set],
    ] as const;
  });
  return Object.fromEntries(methods) as Accessors;
}

function createViewStream(protocol: ImageDelivery, parent: Parent) {
  const settings = { ...SETTINGS };
  const listeners = new Set<(event: ImageEvent) => void>();
  const urls: string[] = [];
  const rates: number[] = [];
  let viewId: unknown = null;
  let size: [number, number] = [0, 0];
  let camera: Camera | null = null;
  let animating = false;
  let cameraTimer: ReturnType<typeof setTimeout> | undefined;
  let lastTime = Date.now();
  let last: ImageEvent | null = null;
  let received = 0;
  let shown = 0;

  const invokeImageReady = (event: ImageEvent) => listeners.forEach((listener) => listener(event));
  const setQuality = (quality: number, ratio: number) => protocol.setQuality(viewId, quality, ratio);
  const sendSize = () => protocol.setSize(viewId, ...size);
  const register = () =>
    void protocol.registerView(viewId).then(
      // The answer names the view that `-1` stands for.
      (answer) => (viewId = (answer as { viewId?: unknown } | null)?.viewId ?? viewId),
      (error: unknown) => {
        if (!(error instanceof ConnectionLost)) console.warn("The server draws no pictures for this view.", error);
      },
    );
  const rate = () => {
    const now = Date.now();
    const fps = Math.floor(10_000 / Math.max(now - lastTime, 1)) / 10;
    lastTime = now;
    rates.push(fps);
    rates.splice(0, rates.length - settings.fpsWindowSize);
    return fps;
  };

  const view = {
    ...accessors(settings),
    /** Returns the properties of the stream, as vtk.js objects do: all, or those named. */
    get: (...names: string[]): Record<string, unknown> => {
      const all = { ...settings, protocol, viewId, size, camera, fps: rates, lastImageEvent: last };
      return names.length ? Object.fromEntries(names.map((name) => [name, Reflect.get(all, name)])) : all;
    },
    getServerAnimationFPS: parent.getServerAnimationFPS,
    setServerAnimationFPS: parent.setServerAnimationFPS,
    getViewId: () => viewId,
    setViewId: (id: unknown) => {
      if (id === viewId) return false;
      if (viewId !== null) void protocol.unregisterView(viewId).catch(() => undefined);
      viewId = id;
      if (viewId !== null) register();
      return true;
    },
    getSize: () => size,
    setSize: (width: number, height: number): Promise<unknown> => {
      if (size[0] === width && size[1] === height) return Promise.resolve(false);
      size = [width, height];
      return sendSize();
    },
    getFps: () => rates,
    getLastImageEvent: () => last,
    getCamera: () => camera,
    setCamera: (value: Camera | null) => {
      const changed = camera !== value;
      camera = value;
      return changed;
    },
    onImageReady: (listener: (event: ImageEvent) => void) => {
      listeners.add(listener);
      return { unsubscribe: () => void listeners.delete(listener) };
    },
    invokeImageReady,
    processMessage: (picture: Picture) => {
      // Some servers use numbers as view ids, others text.
      if (String(picture.id) !== String(viewId) || !picture.image) return;
      const url = URL.createObjectURL(new Blob([picture.image], { type: "image/jpeg" }));
      urls.push(url);
      if (urls.length > KEPT_URLS) URL.revokeObjectURL(urls.shift() as string);
      const { size: drawn, id, memsize: memory, workTime } = picture;
      const event: ImageEvent = { url, fps: rate(), metadata: { size: drawn, id, memory, workTime } };
      last = event;
      if (!settings.decodeImage) {
        invokeImageReady(event);
        return;
      }
      const image = new Image();
      const number = (received += 1);
      image.onload = () => {
        // A picture that was decoded late must not replace a newer one.
        if (number < shown) return;
        shown = number;
        invokeImageReady(Object.assign(event, { image }));
      };
      image.src = url;
    },
    render: () => protocol.render({ view: viewId, size }),
    invalidateCache: () => protocol.invalidateCache(viewId),
    resetCamera: () => protocol.resetCamera(viewId),
    startAnimation: () => protocol.startAnimation(viewId),
    stopAnimation: () => protocol.stopAnimation(viewId),
    pushCamera: (): Promise<unknown> => {
      if (!camera) return Promise.resolve(false);
      const [focalPoint, viewUp, position] = [camera.getFocalPoint(), camera.getViewUp(), camera.getPosition()];
      if (animating) cameraTimer = setTimeout(() => void view.pushCamera(), 1000 / settings.cameraUpdateRate);
      if (!settings.useCameraParameters) return protocol.updateCamera(viewId, focalPoint, viewUp, position, false);
      const parameters = {
        focalPoint,
        viewUp,
        position,
        parallelProjection: camera.getParallelProjection(),
        viewAngle: camera.getViewAngle(),
        parallelScale: camera.getParallelScale(),
      };
      return protocol.updateCameraParameters(viewId, parameters, false);
    },
    /** Starts an interaction of the user: coarser pictures, more often. */
    startInteraction: (): Promise<unknown> => {
      const calls = [setQuality(settings.interactiveQuality, settings.interactiveRatio)];
      if (camera) {
        animating = true;
        calls.push(view.startAnimation(), view.pushCamera());
      }
      return Promise.all(calls);
    },
    endInteraction: (): Promise<unknown> => {
      const calls = [setQuality(settings.stillQuality, settings.stillRatio)];
      if (camera) {
        animating = false;
        clearTimeout(cameraTimer);
        calls.push(view.stopAnimation(), view.pushCamera());
      } else {
        calls.push(view.render());
      }
      return Promise.all(calls);
    },
    /** Registers the view on a new connection. */
    announce: () => {
      if (viewId === null) return;
      register();
      void Promise.all([sendSize(), setQuality(settings.stillQuality, settings.stillRatio), view.render()]).catch(
        () => undefined,
      );
    },
    delete: () => {
      clearTimeout(cameraTimer);
      animating = false;
      view.setViewId(null);
      parent.unregisterViewStream(view);
      listeners.clear();
      urls.splice(0).forEach((url) => URL.revokeObjectURL(url));
    },
  };
  return view;
}
