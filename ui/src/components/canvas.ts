// <selvedge-canvas topic="field" @paint="…">: draws the pictures of a stream and reports where the
// user paints. A picture is plain pixels, or the content of a PNG, JPEG or similar file.
//
// `paint` carries {x, y, erase}: the place from 0 to 1 from the top left, at most once per
// animation frame. The right button and the shift key erase. With the keyboard: arrow keys move,
// space paints, shift with space erases.

import { defineComponent, h, inject, type InjectionKey, onBeforeUnmount, onMounted, type PropType, ref, watch } from "vue";
import { checkFrame, encodedPicture, FrameDecoder } from "../frame";
import type { Streams } from "../streams";

export const STREAMS: InjectionKey<Streams> = Symbol("streams");

export interface Paint {
  x: number;
  y: number;
  erase: boolean;
}

/** Distance of one press of an arrow key; it is larger with the control key. */
const STEP = 1 / 64;
const LONG_STEP = 1 / 8;
const DIRECTIONS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export const SelvedgeCanvas = defineComponent({
  name: "SelvedgeCanvas",
  inheritAttrs: false,
  props: {
    topic: { type: String, required: true },
    /** Whether cells stay sharp when enlarged; otherwise they are smoothed. */
    pixelated: { type: Boolean, default: true },
    onPaint: { type: [Function, Array] as PropType<(paint: Paint) => void> },
  },
  setup(props, { attrs, emit }) {
    const canvas = ref<HTMLCanvasElement>();
    const streams = inject(STREAMS);
    const decoder = new FrameDecoder();
    const cursor = ref({ x: 0.5, y: 0.5 });
    const steering = ref(false);
    const hasFrame = ref(false);
    const aspect = ref(1);
    let pending: Paint | null = null;
    let painting = 0;

    function draw(value: unknown): void | Promise<void> {
      const picture = encodedPicture(value);
      if (picture) return drawEncoded(picture);
      const frame = checkFrame(value);
      prepare(frame)?.putImageData(decoder.decode(frame), 0, 0);
    }

    async function drawEncoded(picture: Blob) {
      const image = await createImageBitmap(picture);
      const context = prepare(image);
      // Transparent parts would show the previous picture.
      context?.clearRect(0, 0, image.width, image.height);
      context?.drawImage(image, 0, 0);
      image.close();
    }

    /** Returns the canvas in the size of the picture, if it still exists. */
    function prepare({ width, height }: { width: number; height: number }) {
      const element = canvas.value;
      const context = element?.getContext("2d");
      if (!element || !context) return null;
      if (element.width !== width) element.width = width;
      if (element.height !== height) element.height = height;
      aspect.value = width / height;
      hasFrame.value = true;
      return context;
    }

    let stop: (() => void) | undefined;
    const follow = () => {
      stop?.();
      stop = streams?.watch(props.topic, draw);
    };
    onMounted(follow);
    watch(() => props.topic, follow);
    onBeforeUnmount(() => {
      stop?.();
      cancelAnimationFrame(painting);
    });

    /** Reports a place once per animation frame: moves arrive faster than the user can see. */
    function paint(next: Paint) {
      const scheduled = pending !== null;
      pending = next;
      if (scheduled) return;
      painting = requestAnimationFrame(() => {
        if (pending) emit("paint", pending);
        pending = null;
      });
    }

    function place(event: PointerEvent): Paint {
      const box = (event.currentTarget as Element).getBoundingClientRect();
      const x = clamp((event.clientX - box.left) / box.width);
      const y = clamp((event.clientY - box.top) / box.height);
      return { x, y, erase: event.shiftKey || (event.buttons & 2) !== 0 };
    }

    function onPointerdown(event: PointerEvent) {
      if (!props.onPaint || (event.buttons & 3) === 0) return;
      steering.value = false;
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      // A press is never omitted, even if moves follow within the same animation frame.
      emit("paint", place(event));
    }

    function onPointermove(event: PointerEvent) {
      if (props.onPaint && (event.buttons & 3) !== 0) paint(place(event));
    }

    function onKeydown(event: KeyboardEvent) {
      const direction = DIRECTIONS[event.key];
      if (!props.onPaint || (!direction && event.key !== " ")) return;
      event.preventDefault();
      steering.value = true;
      if (direction) {
        const step = event.ctrlKey ? LONG_STEP : STEP;
        const [dx, dy] = direction;
        cursor.value = { x: clamp(cursor.value.x + dx * step), y: clamp(cursor.value.y + dy * step) };
      } else {
        emit("paint", { ...cursor.value, erase: event.shiftKey });
      }
    }

    return () => {
      const { class: ownClass, style, ...others } = attrs;
      const marker = { left: `${cursor.value.x * 100}%`, top: `${cursor.value.y * 100}%` };
      return h("div", { class: ["sv-canvas", ownClass], style: style as string }, [
        h("div", { class: "sv-canvas-fit", style: { "--sv-aspect": aspect.value } }, [
          h("canvas", {
            // With the role of an application it also gets the arrow keys when a screen reader
            // runs.
            role: props.onPaint ? "application" : "img",
            tabindex: props.onPaint ? 0 : undefined,
            ...others,
            ref: canvas,
            class: { "sv-pixelated": props.pixelated, "sv-paintable": props.onPaint },
            "data-has-frame": hasFrame.value,
            onPointerdown,
            onPointermove,
            onKeydown,
            onBlur: () => (steering.value = false),
            onContextmenu: (event: Event) => {
              if (props.onPaint) event.preventDefault();
            },
          }),
          steering.value ? h("div", { class: "sv-canvas-cursor", style: marker }) : null,
        ]),
      ]);
    };
  },
});

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
