// Draws the plots that lie in the page as JSON, in the colours of the scheme, and again when these change.
"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const mouse = matchMedia("(hover: hover) and (pointer: fine)").matches;
  const PRINTED = 660; // CSS pixels between the margins of A4 and of Letter
  const config = {
    displayModeBar: false, displaylogo: false, doubleClick: "reset", showTips: false, responsive: false,
    sendData: false, topojsonURL: "", plotlyServerURL: "",
  };
  const plots = [...document.querySelectorAll("script[data-plot]")].map((script) => ({
    node: document.getElementById(script.dataset.plot), figure: JSON.parse(script.textContent), drawn: false,
  }));

  function coloured(value, css) {
    if (typeof value === "string") {
      const name = /^var\((--[a-z]+)\)$/.exec(value);
      return name ? css.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) {
      return typeof value[0] === "number" ? value : value.map((part) => coloured(part, css));
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, coloured(part, css)]));
    }
    return value;
  }

  function draw(plot, width) {
    const css = getComputedStyle(root);
    const { data, layout } = coloured(plot.figure, css);
    layout.width = width || plot.node.clientWidth;
    layout.height = plot.node.clientHeight;
    layout.font.family = css.getPropertyValue("--text").trim();
    layout.dragmode = mouse ? "zoom" : false;
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
      layout[name].fixedrange = !mouse; // a finger scrolls the page
      if (layout.width < 480) layout[name].nticks = layout[name].nticks || (name[0] === "x" ? 5 : 6);
    }
    if (!plot.drawn) plot.node.replaceChildren();
    plot.drawn = true;
    return Plotly.react(plot.node, data, layout, config);
  }

  const redraw = (width) => plots.forEach((plot) => draw(plot, width));

  // one at a time, so that the page can be read and scrolled meanwhile
  function drawRest() {
    const next = plots.find((plot) => !plot.drawn);
    if (!next) {
      root.dataset.drawn = "all";
      return;
    }
    draw(next);
    setTimeout(drawRest);
  }

  let width = innerWidth;
  let waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width || root.classList.contains("printing")) return; // a phone's address bar comes and goes
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => redraw(), 120);
  });
  dark.addEventListener("change", () => root.classList.contains("printing") || redraw());
  addEventListener("beforeprint", () => {
    root.classList.add("printing");
    redraw(PRINTED);
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    redraw();
  });
  drawRest();
})();
