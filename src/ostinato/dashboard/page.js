// Keeps the page up to date by one websocket. All text from the store is set as text, never as markup.
"use strict";
(() => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const view = { run: null, series: new Map(), track: new Map(), status: null };
  const REDRAW = 400; // milliseconds between two drawings of one chart
  const MINUS = "\u2212", NONE = "\u2013", GAP = "\u00a0";

  // numbers and times

  const formats = new Map();
  function fixed(value, decimals) {
    if (!formats.has(decimals)) {
      const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
      formats.set(decimals, new Intl.NumberFormat("en", digits));
    }
    return formats.get(decimals).format(value).replace("-", MINUS);
  }
  const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
  function number(value, digits = 4) {
    if (!known(value)) return NONE;
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e12)) return value.toPrecision(digits - 1).replace("-", MINUS);
    const before = size === 0 ? 0 : Math.floor(Math.log10(size)) + 1;
    return fixed(value, Math.min(Math.max(digits - Math.max(before, -3), 0), 7));
  }
  const count = (value) => (known(value) ? fixed(value, 0) : NONE);
  function span(seconds) {
    if (!known(seconds)) return NONE;
    const size = Math.abs(seconds);
    if (size < 1) return `${number(seconds * 1000, 3)}${GAP}ms`;
    if (size < 60) return `${fixed(seconds, 1)}${GAP}s`;
    if (size < 3600) return `${Math.floor(size / 60)}${GAP}min ${Math.floor(size % 60)}${GAP}s`;
    if (size < 86400) return `${Math.floor(size / 3600)}${GAP}h ${Math.floor((size % 3600) / 60)}${GAP}min`;
    return `${Math.floor(size / 86400)}${GAP}d ${Math.floor((size % 86400) / 3600)}${GAP}h`;
  }
  function bytes(value) {
    if (!known(value) || value <= 0) return NONE;
    const place = Math.min(Math.floor(Math.log10(value) / 3), 4);
    return `${number(value / 1000 ** place, 3)}${GAP}${["B", "kB", "MB", "GB", "TB"][place]}`;
  }
  // ECMAScript's dates end at 8.64e15 ms; plotly.js reads this form as UTC
  function moment(seconds) {
    if (!known(seconds) || Math.abs(seconds) > 2e11) return null;
    return new Date(Math.round(seconds * 1000)).toISOString().slice(0, 23).replace("T", " ");
  }
  const stamp = (seconds) => (moment(seconds) || NONE).slice(0, 19);

  // elements

  function element(name, text, className) {
    const node = document.createElement(name);
    if (text !== undefined && text !== null) node.textContent = text;
    if (className) node.className = className;
    return node;
  }
  function say(id, text) {
    const node = $(id), words = text || "";
    if (node.textContent !== words) node.textContent = words;
  }
  function table(id, heads, rows, empty) {
    const node = $(id);
    if (!rows.length) return node.replaceChildren(element("caption", empty, "note"));
    const head = element("tr");
    heads.forEach(([text, kind]) => head.append(element("th", text, kind)));
    const top = element("thead");
    top.append(head);
    const body = element("tbody");
    for (const { cells, kind } of rows) {
      const row = element("tr", null, kind);
      cells.forEach((text, place) => row.append(element(place ? "td" : "th", text, heads[place][1])));
      body.append(row);
    }
    return node.replaceChildren(top, body);
  }

  // words and strip

  function showStatus(status) {
    view.status = status;
    const banner = $("banner");
    banner.className = `banner ${status.kind}`;
    say("banner", status.words);
    const grey = status.kind === "stale" || status.kind === "lost";
    root.dataset.state = status.kind;
    const ended = status.kind === "ended";
    if (root.classList.contains("grey") !== grey) {
      root.classList.toggle("grey", grey);
      drawAll();
    }
    $("now-value").style.color = ended ? "var(--soft)" : "";
  }

  function showRun(run) {
    view.run = run;
    document.title = `${run.title} · ostinato`;
    say("title", run.title);
    say("kicker", run.kicker);
    say("footer", `ostinato ${run.version}. Times are UTC. This page only reads.`);
    say("price-title", run.price_title);
    say("stream-title", run.stream_title);
    say("skill-title", run.skill_title);
    say("calibration-title", run.calibration_title);
    say("price-words", run.price_words);
    say("stream-words", run.stream_words);
    say("skill-words", run.skill_words);
    const buttons = [["auto", "auto"], ...run.ranges].map(([name, label]) => {
      const button = element("button", label);
      button.type = "button";
      button.setAttribute("aria-pressed", String(name === asked));
      button.addEventListener("click", () => choose(name));
      return button;
    });
    $("ranges").replaceChildren(...buttons);
  }

  function showHeadline(now) {
    say("now-label", now.label);
    say("now-value", now.value);
    say("now-note", now.note);
    say("price-label", now.price_label);
    say("price-value", known(now.price) ? number(now.price, 8).replace(/(\.\d\d\d*?)0+$/, "$1") : NONE);
    say("price-note", known(now.time) ? stamp(now.time) : "");
  }

  function showVerdict(verdict) {
    $("verdict").className = `verdict ${verdict.tone}`;
    say("verdict", verdict.words);
  }

  function strip() {
    const health = view.health, status = view.status;
    if (!health || !status) return;
    const clock = known(health.clock_offset) ? span(health.clock_offset) : NONE;
    const sign = health.clock_offset < 0 ? MINUS : "+";
    const items = [
      ["state", health.state, "", status.kind === "stale" ? "bad" : ""],
      ["age of data", span(status.age), `stale after ${span(health.stale_after)}`, status.kind === "stale" ? "bad" : ""],
      ["lag", span(health.lag), "exchange to us", health.lag > health.stale_after ? "warn" : ""],
      ["gaps", count(health.unfillable_gaps), `${count(health.filled_gaps)} more were filled`, health.unfillable_gaps ? "warn" : ""],
      ["filled events", count(health.filled_events), `${count(health.duplicates)} duplicates dropped`, ""],
      ["reconnects", count(health.reconnects), health.rejected ? `${count(health.rejected)} bad messages` : "", ""],
      ["clock offset", clock === NONE ? NONE : sign + clock.replace(MINUS, ""), "exchange less ours",
        Math.abs(health.clock_offset) > 1 ? "warn" : ""],
      ["queue", count(health.queue), "not yet committed", health.queue > 1000 ? "warn" : ""],
      ["rate", `${number(health.events_per_second, 3)}/s`, `${count(health.events)} since the start`, ""],
      ["step", known(health.step_us) ? `${number(health.step_us, 3)}${GAP}µs` : NONE,
        known(health.step_us_p99) ? `99 %: ${number(health.step_us_p99, 3)}${GAP}µs` : "", ""],
      ["memory", bytes(health.memory_bytes), "engine", ""],
      ["store", bytes(health.store_bytes), "", ""],
    ];
    if (health.problem) items.push(["latest problem", health.problem, "", "words"]);
    if (health.training) items.push(["training", health.training, "", "words"]);
    $("strip").replaceChildren(...items.map(([name, value, more, kind]) => {
      const box = element("div", null, kind);
      const words = element("dd", value);
      if (more) words.append(element("small", more));
      box.append(element("dt", name), words);
      return box;
    }));
  }

  function showGaps(gaps) {
    const rows = gaps.map((gap) => ({ cells: [
      stamp(gap.closed), `${count(gap.first)}${gap.last > gap.first ? ` to ${count(gap.last)}` : ""}`,
      count(gap.last - gap.first + 1), gap.outcome, gap.reason, gap.why] }));
    const heads = [["when"], ["keys"], ["missing"], ["outcome", "words short"], ["reason", "words short"], ["why", "words"]];
    table("gaps", heads, rows, "No event was missed.");
  }

  function showNotes(notes) {
    const rows = notes.map((note) => ({ cells: [stamp(note.time), note.kind, note.text] }));
    table("notes", [["when"], ["what", "words short"], ["", "words"]], rows, "Nothing happened beside the data.");
  }

  function showScores(scores) {
    table("scores", scores.columns.map((name) => [name]),
      scores.rows.map((row) => ({ cells: row.cells, kind: row.ours ? "ours" : "" })), scores.note);
    say("scores-note", scores.rows.length ? scores.note : "");
  }

  // charts

  const mouse = matchMedia("(hover: hover) and (pointer: fine)").matches;
  const config = {
    displayModeBar: false, displaylogo: false, doubleClick: "reset", showTips: false, responsive: false,
    sendData: false, topojsonURL: "", plotlyServerURL: "",
  };
  const charts = new Map();
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function layout(node, more) {
    const axis = { gridcolor: css("--grid"), linecolor: css("--grid"), tickcolor: css("--grid"), zeroline: false, exponentformat: "e",
      ticks: "outside", ticklen: 4, automargin: true, fixedrange: !mouse };
    const { xaxis, yaxis, ...rest } = more;
    return {
      width: node.clientWidth, height: node.clientHeight, uirevision: `${view.range}${root.dataset.run || ""}`,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: css("--soft"), size: 12, family: css("--text") },
      margin: { l: 8, r: 10, t: 8, b: 8, pad: 0 }, hovermode: "x unified", dragmode: mouse ? "zoom" : false,
      hoverlabel: { bgcolor: css("--paper"), bordercolor: css("--grid"), font: { color: css("--ink") } },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)",
        itemclick: false, itemdoubleclick: false },
      xaxis: { ...axis, showgrid: false, nticks: node.clientWidth < 480 ? 5 : 0, ...xaxis },
      yaxis: { ...axis, nticks: node.clientHeight < 260 ? 6 : 0, ...yaxis },
      ...rest,
    };
  }
  const line = (x, y, name, color, more = {}) => {
    const { width = 1.6, dash, shape, ...rest } = more;
    return { type: "scatter", mode: "lines", x, y, name, line: { color, width, dash, shape }, ...rest };
  };
  const COLOURS = ["--rival", "--other", "--third"];
  const rivalColour = (place) => css(COLOURS[place % COLOURS.length]);
  const rivalBand = (place) => css(["--rivalband", "--otherband", "--thirdband"][place % COLOURS.length]);
  function band(x, low, high, name, color, more = {}) {
    const edge = { type: "scatter", mode: "lines", line: { width: 0, color }, hoverinfo: "skip", x };
    return [{ ...edge, y: low, showlegend: false },
      { ...edge, y: high, name, showlegend: Boolean(name), fill: "tonexty", fillcolor: color, ...more }];
  }

  function points() {
    const rows = [...view.series.values()].sort((a, b) => a.t - b.t);
    const column = (name) => rows.map((row) => row[name]);
    const means = view.run.quantities.map((_, place) => rows.map((row) => row.means[place]));
    const t = column("t");
    return { t, x: t.map(moment), low: column("low"), high: column("high"), last: column("last"), means };
  }

  function priceChart() {
    const { t, x, low, high, last, means } = points();
    const axes = { yaxis: { title: { text: view.run.price_label, standoff: 6 }, exponentformat: "none", separatethousands: true } };
    if (view.run.kind !== "direction") {
      const [lower, centre, upper] = means.map((column) => column.map((value, place) => onThePrice(last[place], value)));
      const ahead = t.map((time) => moment(time + view.run.shift));
      return { layout: axes, traces: [
        ...band(ahead, lower, upper, intervalName(), css("--band")),
        line(ahead, centre, "forecast", css("--ours"), { dash: "dot", width: 1.2 }),
        line(x, last, view.run.price_label, css("--ink")),
        ...fan(),
      ] };
    }
    const p = means[0], rate = view.run.quantities.findIndex((one) => one.base);
    const middle = rate < 0 ? 0.5 : means[rate].filter(known).pop() ?? 0.5;
    const reach = Math.max(0.02, ...p.filter(known).map((value) => Math.abs(value - middle)));
    return { layout: { ...axes, showlegend: false }, traces: [
      ...band(x, low, high, "", css("--otherband")),
      line(x, last, "price", css("--other"), { width: 1.1, shape: "hv" }),
      { type: "scatter", mode: "markers", x, y: last, name: "", customdata: p,
        hovertemplate: "p(up) %{customdata:.3f}<extra></extra>",
        marker: { size: x.length < 80 ? 7 : 5, color: p, cmin: middle - reach, cmax: middle + reach,
          colorscale: [[0, css("--rival")], [0.5, css("--grid")], [1, css("--ours")]] } },
    ] };
  }
  const intervalName = () => (view.run.interval ? `${view.run.interval} interval` : "");
  const onThePrice = (price, value) => (known(price) && known(value) ? (view.run.change ? price * Math.exp(value) : price + value) : null);

  function fan() {
    const now = view.fan;
    if (!now || now.t.length < 2) return [];
    const x = now.t.map(moment);
    return [...band(x, now.low, now.high, "", css("--band")), line(x, now.middle, "now", css("--ours"), { width: 2.2 })];
  }

  function streamChart() {
    const { x, means } = points();
    const axes = { yaxis: { title: { text: view.run.stream_label, standoff: 6 } } };
    if (view.run.kind !== "direction") {
      const zero = line([x[0], x[x.length - 1]], [0, 0], "", css("--soft"), { width: 1, dash: "dash", hoverinfo: "skip", showlegend: false });
      return { layout: axes, traces: [...band(x, means[0], means[2], intervalName(), css("--band")),
        line(x, means[1], "middle", css("--ours")), zero] };
    }
    const beside = view.run.quantities.slice(1).map((one, place) =>
      line(x, means[place + 1], one.name, rivalColour(place), { width: 1.2, dash: "dot" }));
    return { layout: axes, traces: [...beside, line(x, means[0], "p(up)", css("--ours"), { width: 1.3 })] };
  }

  function skillChart() {
    const rows = [...view.track.values()].sort((a, b) => a.n - b.n);
    const x = rows.map((row) => row.n), traces = [];
    view.run.baselines.forEach((name, place) => {
      const of = (part) => rows.map((row) => row.skill[place] && row.skill[place][part]);
      const whole = rows.filter((row) => row.skill[place] && known(row.skill[place][1]));
      traces.push(...band(whole.map((row) => row.n), whole.map((row) => row.skill[place][1]),
        whole.map((row) => row.skill[place][2]), "", rivalBand(place)));
      traces.push(line(x, of(0), name, rivalColour(place)));
    });
    const zero = { type: "line", x0: 0, x1: 1, xref: "paper", y0: 0, y1: 0, line: { color: css("--soft"), width: 1, dash: "dash" } };
    return { traces, layout: { shapes: [zero], xaxis: { title: { text: "scored forecasts", standoff: 6 } },
      yaxis: { title: { text: "gain", standoff: 6 }, range: reach(rows) } } };
  }

  // the first few forecasts swing so far that nothing else could be seen
  function reach(rows) {
    const total = rows.length ? rows[rows.length - 1].n : 0;
    const values = rows.filter((row) => row.n >= total / 20).flatMap((row) => row.skill.flatMap((one) => one || [])).filter(known);
    if (!values.length) return undefined;
    const low = Math.min(0, ...values), high = Math.max(0, ...values), room = 0.08 * (high - low) || 1e-6;
    return [low - room, high + room];
  }

  function calibrationChart() {
    const now = view.calibration || { p: [], seen: [], low: [], high: [], rows: [] };
    const all = [...now.p, ...now.low, ...now.high].filter(known);
    const wide = view.run.kind !== "direction" || !all.length;
    const lowest = wide ? 0 : Math.min(...all), highest = wide ? 1 : Math.max(...all);
    const error = { type: "data", symmetric: false, color: css("--ours"), thickness: 1, width: 3,
      array: now.seen.map((seen, place) => now.high[place] - seen), arrayminus: now.seen.map((seen, place) => seen - now.low[place]) };
    return { traces: [
      line([lowest, highest], [lowest, highest], "what it should be", css("--soft"), { width: 1, dash: "dash", hoverinfo: "skip" }),
      { type: "scatter", mode: "markers", x: now.p, y: now.seen, name: "ours", error_y: error, customdata: now.rows,
        hovertemplate: "said %{x:.3f}, was %{y:.3f} (%{customdata:,})<extra></extra>", marker: { color: css("--ours"), size: 8 } },
    ], layout: { hovermode: "closest", showlegend: false,
      xaxis: { title: { text: view.run.calibration_said, standoff: 6 } }, yaxis: { title: { text: view.run.calibration_was, standoff: 6 } } } };
  }

  function latencyChart() {
    const now = view.latency || { labels: [], counts: [] };
    return { traces: [{ type: "bar", x: now.labels, y: now.counts, name: "forecasts", marker: { color: css("--ours") } }],
      layout: { bargap: 0.1, showlegend: false, hovermode: "closest",
        xaxis: { type: "category", title: { text: "from the socket to the commit, up to ms", standoff: 6 } },
        yaxis: { title: { text: "forecasts", standoff: 6 } } } };
  }

  function watchChart(id, make) {
    const node = $(id);
    const chart = { node, make, visible: false, dirty: true, drawn: 0 };
    charts.set(id, chart);
    new IntersectionObserver((seen) => {
      chart.visible = seen[seen.length - 1].isIntersecting;
      if (chart.visible) schedule(chart);
    }, { rootMargin: "200px" }).observe(node);
  }

  function schedule(chart) {
    if (chart.waiting || !chart.dirty || !chart.visible || !view.run || document.hidden) return;
    const wait = Math.max(0, chart.drawn + REDRAW - performance.now());
    chart.waiting = setTimeout(() => requestAnimationFrame(() => draw(chart)), wait);
  }

  // plotly.js reads tags and entities in all text that it shows: what comes from the store must be text there too.
  // Templates are ours, and hold its marks.
  const LONGEST = 60;
  function plain(value, key) {
    if (typeof value === "string" && key !== "hovertemplate") {
      const short = /[<&]/.test(value) || key === "name" || key === "text" ? [...value] : null;
      if (!short) return value;
      const text = short.length > LONGEST ? `${short.slice(0, LONGEST - 1).join("")}\u2026` : value;
      return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
    }
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((part) => plain(part, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part, name)]));
    }
    return value;
  }

  function draw(chart) {
    chart.waiting = 0;
    chart.drawn = performance.now();
    chart.dirty = false;
    if (typeof Plotly === "undefined") return;
    const { traces, layout: more } = chart.make();
    if (!chart.begun) chart.node.replaceChildren();
    chart.begun = true;
    Plotly.react(chart.node, plain(traces), plain(layout(chart.node, more)), config);
    chart.node.dataset.points = String(Math.max(0, ...traces.map((trace) => trace.x.length)));
    chart.node.dataset.drawings = String(Number(chart.node.dataset.drawings || 0) + 1);
  }

  function touch(...ids) {
    for (const id of ids) {
      charts.get(id).dirty = true;
      schedule(charts.get(id));
    }
  }
  const drawAll = () => touch(...charts.keys());

  // messages

  const shows = {
    run: (run) => { showRun(run); drawAll(); },
    headline: showHeadline,
    verdict: showVerdict,
    health: (health) => { view.health = health; },
    fan: (fan_) => { view.fan = fan_; touch("price"); },
    gaps: showGaps,
    notes: showNotes,
    scores: showScores,
    calibration: (now) => { view.calibration = now; say("calibration-words", now.words); touch("calibration"); },
    latency: (now) => { view.latency = now; say("latency-words", now.words); touch("latency"); },
    costs: (costs) => say("costs", costs && costs.words),
  };

  function receive(message) {
    if (message.full) {
      view.series.clear();
      view.track.clear();
      view.range = message.range;
    }
    for (const [name, show] of Object.entries(shows)) if (name in message) show(message[name]);
    if (message.series) {
      const { t, low, high, last, means } = message.series;
      t.forEach((time, place) => view.series.set(time, { t: time, low: low[place], high: high[place], last: last[place],
        means: means.map((column) => column[place]) }));
      const newest = Math.max(...view.series.keys());
      for (const time of view.series.keys()) if (time <= newest - message.length) view.series.delete(time);
      touch("price", "stream");
    }
    if (message.track) {
      if (message.track.anew) view.track.clear();
      message.track.points.forEach(([place, n, skill]) => view.track.set(place, { n, skill }));
      touch("skill");
    }
    showStatus(message.status);
    strip();
    root.dataset.version = String(message.version);
  }

  // the connection

  let asked = new URLSearchParams(location.search).get("range") || "auto";
  let socket = null, failures = 0, timer = 0;

  function connect() {
    clearTimeout(timer);
    const address = new URL("live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.search = new URLSearchParams({ range: asked });
    const mine = new WebSocket(address);
    socket = mine;
    mine.onmessage = (event) => {
      if (mine !== socket) return;
      failures = 0;
      receive(JSON.parse(event.data));
    };
    mine.onclose = () => {
      if (mine !== socket) return;
      failures += 1;
      showStatus({ kind: "lost", age: null, words: "The connection to the dashboard is lost; it is tried again. What is shown is what was last known." });
      const wait = Math.min(10000, 250 * 2 ** Math.min(failures, 6)) * (0.5 + Math.random() / 2);
      timer = setTimeout(connect, wait);
    };
  }

  function choose(name) {
    asked = name;
    const address = new URL(location.href);
    address.searchParams.set("range", name);
    history.replaceState(null, "", address);
    socket.onclose = null;
    socket.close();
    connect();
  }

  // the token is in a cookie by now: it must not stay where it can be seen or shared
  const here = new URL(location.href);
  if (here.searchParams.has("token")) {
    here.searchParams.delete("token");
    history.replaceState(null, "", here);
  }
  if (typeof Plotly === "undefined") {
    document.querySelectorAll(".plot").forEach((node) => node.replaceChildren(
      element("p", "Charts need the package plotly on the machine that serves this page: pip install 'ostinato[live]'.", "absent")));
  }
  watchChart("price", priceChart);
  watchChart("stream", streamChart);
  watchChart("skill", skillChart);
  watchChart("calibration", calibrationChart);
  watchChart("latency", latencyChart);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    drawAll();
    if (socket.readyState === WebSocket.CLOSED) connect();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return; // a phone's address bar comes and goes
    width = innerWidth;
    drawAll();
  });
  connect();
})();
