// <selvedge-icon name="play">: an icon of Lucide, in the color and the size of the text around it. The server has
// the whole set; a page loads those that it shows.

import { defineComponent, h } from "vue";

export const SelvedgeIcon = defineComponent({
  name: "SelvedgeIcon",
  props: {
    /** The name at lucide.dev. */
    name: { type: String, default: "" },
    /** The address of another icon: an SVG picture whose shape is filled with the color of the text. */
    src: { type: String, default: "" },
    /** What it says, if there is no text beside it. */
    label: { type: String, default: "" },
  },
  setup: (props) => () => {
    const address = props.src || `icons/${encodeURIComponent(props.name)}.svg`;
    const words = props.label ? { role: "img", "aria-label": props.label } : { "aria-hidden": "true" };
    return h("span", { class: "sv-icon", style: { maskImage: `url(${JSON.stringify(address)})` }, ...words });
  },
});
