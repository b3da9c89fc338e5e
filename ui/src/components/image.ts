// <selvedge-image :bytes="picture" alt="A leaf">: a PNG, JPEG or other picture stored as bytes in
// the state.

import { defineComponent, h, onBeforeUnmount, type PropType, ref, watch } from "vue";

export const SelvedgeImage = defineComponent({
  name: "SelvedgeImage",
  props: {
    /** The content of the file. Without it, nothing is shown. */
    bytes: { type: null as unknown as PropType<Uint8Array<ArrayBuffer> | Blob | null>, default: null },
    /** The media type. Browsers detect most types by the content. */
    type: { type: String, default: "" },
    alt: { type: String, default: "" },
  },
  setup(props) {
    const url = ref<string>();
    const forget = () => {
      if (url.value) URL.revokeObjectURL(url.value);
      url.value = undefined;
    };
    watch(
      () => [props.bytes, props.type],
      () => {
        forget();
        const { bytes, type } = props;
        if (bytes) url.value = URL.createObjectURL(bytes instanceof Blob ? bytes : new Blob([bytes], { type }));
      },
      { immediate: true },
    );
    onBeforeUnmount(forget);
    return () => (url.value ? h("img", { src: url.value, alt: props.alt }) : null);
  },
});
