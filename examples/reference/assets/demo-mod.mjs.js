// Only says that modules are loaded as modules.
window.demo_module = typeof import.meta.url === "string";
