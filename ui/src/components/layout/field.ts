// <selvedge-field label="Speed" unit="1/min" hint="…" :error="…"><input …></selvedge-field>: a control with its
// label, value, unit, hint and error, which are also tied to it for screen readers. If the server refuses what a user has
// entered, the field shows why.

import { computed, defineComponent, h, inject, onBeforeUnmount, ref, useId, type VNode, watch } from "vue";
import type { Trame } from "../../trame";
import { withProps } from "./children";

export const SelvedgeField = defineComponent({
  name: "SelvedgeField",
  props: {
    label: { type: String, required: true },
    /** What is shown at the right of the label, such as the value of a slider. */
    value: { type: [String, Number], default: "" },
    unit: { type: String, default: "" },
    hint: { type: String, default: "" },
    /** Why the value cannot be used; empty if it can. */
    error: { type: String, default: "" },
    /** Whether label and control are on one line. */
    inline: Boolean,
  },
  setup(props, { slots }) {
    const own = useId();
    const state = inject<Trame | undefined>("trame", undefined)?.state;
    /** The key that the control edits, which its first edit tells. */
    const key = ref("");
    const problem = computed(() => props.error || (state?.refusals.reason(key.value) ?? ""));
    let unfollow: (() => void) | undefined;
    watch(key, (edited) => {
      unfollow?.();
      unfollow = state?.refusals.follow(edited);
    });
    onBeforeUnmount(() => unfollow?.());
    // Called after the listener of `v-model`.
    const learnKey = () => (key.value = state?.lastEdited ?? "");
    return () => {
      const { label, value, unit, hint } = props;
      const error = problem.value;
      let id = own;
      const notes = [unit && value === "" ? `${own}-unit` : "", hint ? `${own}-hint` : "", error ? `${own}-error` : ""].filter(Boolean);
      const control = withProps(slots.default?.(), (node: VNode) => {
        id = (node.props?.id as string | undefined) ?? own;
        const words = { id, "aria-describedby": notes.join(" ") || undefined, "aria-invalid": error ? true : undefined };
        // A group of controls has no label of HTML.
        const name = typeof node.type === "string" ? {} : { "aria-labelledby": `${own}-label` };
        return { ...words, ...name, ...("onUpdate:modelValue" in (node.props ?? {}) ? { "onUpdate:modelValue": learnKey } : {}) };
      });
      const shown = value === "" ? null : h("output", { class: "sv-value", for: id }, [String(value), unit ? h("small", ` ${unit}`) : null]);
      return h("div", { class: ["sv-field", { "sv-inline": props.inline }] }, [
        h("label", { id: `${own}-label`, for: id }, label),
        shown,
        h("div", { class: "sv-control" }, [control, unit && value === "" ? h("span", { id: `${own}-unit`, class: "sv-unit" }, unit) : null]),
        hint ? h("p", { id: `${own}-hint`, class: "sv-hint" }, hint) : null,
        // It is there before the error, so that screen readers say it when it comes.
        h("p", { id: `${own}-error`, class: "sv-error", role: "alert" }, error || undefined),
      ]);
    };
  },
});
