// <selvedge-log :lines="log">: lines of text, of which only those in view are in the document, with a filter. It follows the
// end until a user scrolls up.

import { computed, defineComponent, h, nextTick, onMounted, type PropType, ref, watch } from "vue";
import { isMeasured } from "../layout/floating";

/** The height of a line in text heights, as in the style sheet. */
const LINE = 1.5;
/** Lines above and below the view that are in the document, so that scrolling shows no gap. */
const BEYOND = 20;

export const SelvedgeLog = defineComponent({
  name: "SelvedgeLog",
  props: {
    lines: { type: Array as PropType<string[]>, default: () => [] },
    label: { type: String, default: "Log" },
    /** Whether there is a field that filters. */
    filter: { type: Boolean, default: true },
  },
  setup(props) {
    const view = ref<HTMLElement>();
    const search = ref("");
    const follows = ref(true);
    const top = ref(0);
    const size = ref({ height: 300, line: 20 });
    const shown = computed(() => {
      const text = search.value.toLowerCase();
      return text === "" ? props.lines : props.lines.filter((line) => line.toLowerCase().includes(text));
    });

    function measure() {
      const element = view.value;
      if (!element || !isMeasured(element)) return;
      size.value = { height: element.clientHeight || 300, line: parseFloat(getComputedStyle(element).fontSize) * LINE };
      top.value = element.scrollTop;
    }
    function onScroll() {
      measure();
      const element = view.value;
      if (element) follows.value = element.scrollTop + element.clientHeight >= element.scrollHeight - 2;
    }
    async function follow() {
      await nextTick();
      if (view.value && isMeasured(view.value) && follows.value) view.value.scrollTop = view.value.scrollHeight;
      measure();
    }
    onMounted(() => void follow());
    watch(shown, () => void follow());

    return () => {
      const { height, line } = size.value;
      const all = shown.value;
      const first = Math.max(0, Math.min(Math.floor(top.value / line), all.length) - BEYOND);
      const last = Math.min(all.length, Math.ceil((top.value + height) / line) + BEYOND);
      const field = {
        type: "search",
        placeholder: "Filter",
        "aria-label": `Filter: ${props.label}`,
        value: search.value,
        onInput: (event: Event) => (search.value = (event.target as HTMLInputElement).value),
      };
      const end = () => {
        follows.value = true;
        void follow();
      };
      const count = all.length === props.lines.length ? `${all.length} lines` : `${all.length} of ${props.lines.length} lines`;
      const bar = [
        props.filter ? h("input", field) : null,
        h("span", { class: "sv-hint" }, count),
        follows.value ? null : h("button", { type: "button", onClick: end }, "To the end"),
      ];
      return h("div", { class: "sv-log" }, [
        h("div", { class: "sv-log-bar" }, bar),
        h("div", { ref: view, class: "sv-log-view", role: "log", "aria-label": props.label, tabindex: 0, onScroll }, [
          h("div", { style: { height: `${all.length * LINE}em` } }, [
            h("pre", { style: { transform: `translateY(${first * LINE}em)` } }, all.slice(first, last).join("\n")),
          ]),
        ]),
      ]);
    };
  },
});
