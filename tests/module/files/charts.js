window.charts = { install: (app) => app.component("Chart", { template: "<i class=chart></i>" }) };
