// Components that read and write the state by the name of a key.

import { defineComponent, h, onBeforeUnmount, onMounted, reactive, ref, watch } from "vue";
import type { SharedState } from "../state";

type Values = Record<string, unknown>;

/** <trame-getter :name="expression" v-slot="{ value, keyName, update, updateNested }"> */
export const getter = (state: SharedState) =>
  defineComponent({
    props: { name: { type: String, required: true } },
    setup(props, { slots }) {
      const update = (value: unknown) => state.set(props.name, value);
      const updateNested = (path: string | number, value: unknown) => {
        const copy = JSON.parse(JSON.stringify(state.get(props.name))) as Values;
        const steps = String(path).split(".");
        const last = steps.pop() as string;
        const parent = steps.reduce((object, step) => object[step] as Values, copy);
        parent[last] = value;
        update(copy);
      };
      return () => slots.default?.({ keyName: props.name, value: state.get(props.name), update, updateNested });
    },
  });

/** <trame-deep-reactive name="key" v-slot="{ value }">: also sends changes inside the value. */
export const deepReactive = (state: SharedState) =>
  defineComponent({
    props: { name: { type: String, required: true } },
    setup(props, { slots }) {
      const value = reactive<Values>({});
      /** The value that both sides have, as text. */
      let common = "{}";
      const take = (incoming: unknown) => {
        const text = JSON.stringify(incoming ?? {});
        if (text === common) return;
        common = text;
        const fresh = JSON.parse(text) as Values;
        for (const name of Object.keys(value)) if (!(name in fresh)) Reflect.deleteProperty(value, name);
        Object.assign(value, fresh);
      };
      watch(() => state.get(props.name), take, { immediate: true, flush: "sync" });
      watch(value, () => {
        const text = JSON.stringify(value);
        if (text === common) return;
        common = text;
        state.set(props.name, JSON.parse(text));
      });
      return () => slots.default?.({ value });
    },
  });

const FILLED = { overflow: "hidden", position: "relative", width: "100%", height: "100%", margin: 0, padding: 0 };

/** <trame-size-observer name="key">: writes its size to the state. */
export const sizeObserver = (state: SharedState) =>
  defineComponent({
    props: { name: String },
    emits: ["change"],
    setup(props, { emit, expose, slots }) {
      const root = ref<HTMLElement>();
      const resize = () => {
        if (!root.value) return;
        const { x, y, width, height } = root.value.getBoundingClientRect();
        const pixelRatio = window.devicePixelRatio;
        const named = props.name === undefined ? {} : { name: props.name };
        const event = { size: { x, y, width, height }, pixelRatio, dpi: 96 * pixelRatio, ...named };
        if (props.name) state.set(props.name, event);
        emit("change", event);
      };
      const observer = new ResizeObserver(resize);
      onMounted(() => root.value && observer.observe(root.value));
      onBeforeUnmount(() => observer.disconnect());
      expose({ resize });
      return () => h("div", { ref: root, style: FILLED }, slots.default?.());
    },
  });
