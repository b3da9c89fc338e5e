// A plugin for Vue, which the page installs with the options that the server merged.
window.demo_plugin = {
  install(app, options) {
    window.demo_options = options;
    app.component("demo-badge", {
      props: ["label"],
      template: '<b class="demo-badge">{{ label }}</b>',
    });
  },
};
