// The browser paints the text of the page before the data are read.

let page = null;
requestAnimationFrame(() =>
  setTimeout(() => {
    byId("script-only").hidden = false;
    page = new Page(readModel(byId("data").textContent));
    performance.mark("drawn");
    document.documentElement.dataset.ready = "true";
  }),
);
