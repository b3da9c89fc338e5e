// Components that render nothing and emit events.

import {
  defineComponent,
  nextTick,
  onBeforeMount,
  onBeforeUnmount,
  onBeforeUpdate,
  onMounted,
  onUnmounted,
  onUpdated,
  type PropType,
  unref,
  watch,
} from "vue";

type Emit = (event: string, ...args: unknown[]) => void;

/** <trame-exec @exec="…">: emits `exec` when the server calls its method of that name. */
export const exec = defineComponent({
  props: { event: null },
  emits: ["exec"],
  setup(props, { emit, expose, slots }) {
    expose({ exec: (event?: unknown) => emit("exec", event === undefined ? unref(props.event as unknown) : event) });
    return () => slots.default?.();
  },
});

/**
 * <trame-client-state-change :value="key" @change="…">: emits `change` with a value that has
 * changed.
 */
export const clientStateChange = defineComponent({
  props: { value: null, immediate: Boolean, triggerChangeOnCreate: Boolean },
  emits: ["change"],
  setup(props, { emit, slots }) {
    watch(
      () => props.value as unknown,
      (value) => {
        if (props.immediate) emit("change", value);
        else void nextTick(() => emit("change", value));
      },
    );
    if (props.triggerChangeOnCreate) emit("change", props.value);
    return () => slots.default?.();
  },
});

/** <trame-client-triggers>: emits its life-cycle events, and events that the server calls for. */
export const clientTriggers = defineComponent({
  inheritAttrs: false,
  emits: ["created", "mounted", "beforeDestroy", "beforeUnmount", "exit"],
  setup(_, { emit, expose, slots }) {
    // Events that an application defines are not declared.
    const say = emit as Emit;
    const exit = () => say("exit");
    onMounted(() => {
      window.addEventListener("beforeunload", exit);
      say("mounted");
    });
    onBeforeUnmount(() => {
      window.removeEventListener("beforeunload", exit);
      say("beforeDestroy");
      say("beforeUnmount");
    });
    expose({ emit: (event: string, value?: unknown) => say(event, value) });
    say("created");
    return () => slots.default?.();
  },
});

const LIFE_CYCLE: Record<string, (hook: () => void) => void> = {
  created: (hook) => hook(),
  beforeMount: onBeforeMount,
  mounted: onMounted,
  beforeUpdate: onBeforeUpdate,
  updated: onUpdated,
  beforeDestroy: onBeforeUnmount,
  destroyed: onUnmounted,
};

/**
 * <trame-life-cycle-monitor name="a" type="warn">: logs its life-cycle events to the console, or
 * emits them.
 */
export const lifeCycleMonitor = defineComponent({
  props: {
    name: { type: String, default: "LifeCycleMonitor" },
    type: { type: String, default: "log" },
    value: { type: String, default: "value" },
    events: { type: Array as PropType<string[]>, default: () => Object.keys(LIFE_CYCLE) },
  },
  emits: Object.keys(LIFE_CYCLE),
  setup(props, { emit, slots }) {
    const print = console as unknown as Record<string, ((...args: unknown[]) => void) | undefined>;
    for (const event of props.events) {
      LIFE_CYCLE[event]?.(() => {
        if (props.type === "emit") (emit as Emit)(event, { name: props.name, value: props.value });
        else print[props.type]?.(props.name, event, props.value);
      });
    }
    return () => slots.default?.();
  },
});
