"use strict";
// Draws the report from the JSON in this page. Every text goes in as textContent or as an attribute's value: nothing of the report is
// ever read as markup.

const report = JSON.parse(document.getElementById("report").textContent);
const kColours = ["#2563a8", "#c2571a", "#2f855a", "#8a4fa3", "#8c6d1f", "#0f7c86", "#b3346c", "#5b6675"];
const kInk = [28, 36, 48];    // of the spectrogram
const kHeat = [217, 72, 15];  // of attention

// ---- elements ----

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) element.append(child);  // strings become text
  return element;
}
const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const section = id => document.getElementById(id);

const letter = i => String.fromCharCode(65 + i % 26) + (i >= 26 ? Math.floor(i / 26) : "");
const colour = i => kColours[i % kColours.length];
function chip(i) {
  const element = make("span", {class: "chip", title: report.results[i].path}, letter(i));
  element.style.background = colour(i);
  return element;
}

// ---- numbers ----

const kShares = ["accuracy", "micro_f1", "macro_f1", "map"];
const isShare = metric => kShares.includes(metric);
const score = (value, metric) => isShare(metric) ? (100 * value).toFixed(1) + " %" : value.toFixed(3);
const signed = (value, metric) => (value < 0 ? "−" : "+") +
  (isShare(metric) ? (100 * Math.abs(value)).toFixed(1) + " points" : Math.abs(value).toFixed(3));
const share = value => value === null ? "–" : (100 * value).toFixed(0);
function probability(p) {
  if (p >= 0.001) return p.toFixed(3);
  const [digits, power] = p.toExponential(1).split("e-");
  return make("span", {}, digits + " · 10", make("sup", {}, "−" + power));
}
const kTests = {mcnemar: "McNemar, exact", sign_flip: "sign flips"};
const plain = value => value >= 100 ? value.toFixed(0) : value.toPrecision(3);

// ---- tables ----

// heads: [text, is it a number]; rows: cells of text or elements.
function table(heads, rows, wide = false) {
  const line = cells => make("tr", {}, ...cells);
  const kind = i => ({class: heads[i][1] ? "number" : "text"});
  return make("table", wide ? {class: "wide"} : {},
    make("thead", {}, line(heads.map(([text], i) => make("th", {...kind(i), scope: "col"}, text)))),
    make("tbody", {}, ...rows.map(row => line(row.map((cell, i) => make("td", kind(i), cell))))));
}
const note = text => make("p", {class: "note"}, text);

// ---- scores ----

function describe(r) {
  const cell = make("div", {}, r.integration + (r.withheld ? ", audio withheld" : ""));
  cell.append(make("span", {class: "sub"}, r.path), make("span", {class: "sub"}, r.streams || "no streams"));
  return cell;
}

// A dot with its interval on the scale that all results of the metric share.
function intervalFigure(r) {
  const top = isShare(r.metric) ? 1 : Math.max(...report.results.filter(o => o.metric === r.metric).map(o => o.high)) * 1.05 || 1;
  const x = value => 6 + 248 * value / top;
  const svg = draw("svg", {width: 260, height: 24, role: "img", "aria-label": "interval"});
  svg.append(draw("line", {x1: x(0), x2: x(top), y1: 12, y2: 12, class: "grid"}));
  for (const tick of [0, top / 4, top / 2, 3 * top / 4, top]) svg.append(draw("line", {x1: x(tick), x2: x(tick), y1: 9, y2: 15, class: "grid"}));
  const own = {stroke: colour(report.results.indexOf(r)), "stroke-width": 3, "stroke-linecap": "round"};
  svg.append(draw("line", {x1: x(r.low), x2: x(r.high), y1: 12, y2: 12, ...own}),
    draw("circle", {cx: x(r.score), cy: 12, r: 5, fill: own.stroke}));
  return svg;
}

function drawScores() {
  section("scores").append(table(
    [["", false], ["Model", false], ["Asked", false], ["Metric", false], ["Score", true], ["95 % interval", true], ["", false], ["n", true]],
    report.results.map((r, i) => [chip(i), describe(r),
      make("div", {class: "path"}, r.manifest, make("span", {class: "sub"}, r.protocol + (r.skipped ? `, ${r.skipped} samples left out` : ""))),
      r.metric, make("b", {}, score(r.score, r.metric)), `${score(r.low, r.metric)} – ${score(r.high, r.metric)}`, intervalFigure(r), String(r.n)]),
    true));
  if (report.results.some(r => r.skipped))
    section("scores").append(note("Left out: samples none of whose references is among the answers to choose from."));
}

// ---- comparisons ----

function drawComparisons() {
  if (report.comparisons.length === 0) return section("comparisons").remove();
  const heads = [["Pair", false], ["Mean difference a sample", true], ["First better", true], ["Second better", true], ["Samples", true],
    ["p (two-sided)", true], ["Test", false]];
  const rows = report.comparisons.map(c => {
    const pair = make("span", {class: "pair"}, chip(c.a), " against ", chip(c.b));
    if (c.missing) return [pair, "", "", "", "", "", "not compared: " + c.missing];
    return [pair, signed(c.difference, report.results[c.a].metric), String(c.only_a), String(c.only_b), String(c.n), probability(c.p), kTests[c.test] || c.test];
  });
  section("comparisons").append(table(heads, rows),
    note("On the samples that both answered. p: how likely so large a difference is between models that are equally good. It is not corrected for the number of pairs."));
}

// ---- cost ----

const niceStep = range => {
  const power = 10 ** Math.floor(Math.log10(range / 5));
  return [1, 2, 5, 10].map(m => m * power).find(step => range / step <= 6);
};

function scatter(points, metric) {
  const width = 560, height = 330, left = 62, bottom = 46, right = 20, head = 14;
  const mostX = Math.max(...points.map(p => p.r.cost.gflop)) * 1.15;
  const mostY = isShare(metric) ? 1 : Math.max(...points.map(p => p.r.high)) * 1.05 || 1;
  const x = value => left + (width - left - right) * value / mostX;
  const y = value => height - bottom - (height - bottom - head) * value / mostY;
  const svg = draw("svg", {width, height, role: "img", "aria-label": "cost against quality"});
  for (let v = 0; v <= mostX; v += niceStep(mostX))
    svg.append(draw("line", {x1: x(v), x2: x(v), y1: y(0), y2: y(mostY), class: "grid"}),
      draw("text", {x: x(v), y: height - bottom + 18, "text-anchor": "middle", class: "soft"}, String(+v.toPrecision(4))));
  for (let v = 0; v <= mostY * 1.0001; v += mostY === 1 ? 0.2 : niceStep(mostY))
    svg.append(draw("line", {x1: x(0), x2: x(mostX), y1: y(v), y2: y(v), class: "grid"}),
      draw("text", {x: left - 8, y: y(v) + 4, "text-anchor": "end", class: "soft"}, isShare(metric) ? (100 * v).toFixed(0) + " %" : String(+v.toPrecision(3))));
  svg.append(draw("text", {x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle"}, "GFLOP a sample (computed)"),
    draw("text", {x: 14, y: (height - bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(height - bottom) / 2})`}, metric));
  for (const {r, i} of points) {
    const own = colour(i), cx = x(r.cost.gflop);
    svg.append(draw("line", {x1: cx, x2: cx, y1: y(r.low), y2: y(r.high), stroke: own, "stroke-width": 2}),
      draw("circle", {cx, cy: y(r.score), r: 6, fill: r.withheld ? "#fff" : own, stroke: own, "stroke-width": 2}),
      draw("text", {x: cx, y: y(r.high) - 7, "text-anchor": "middle"}, `${letter(i)} ${r.integration}${r.withheld ? " (withheld)" : ""}`));
  }
  return svg;
}

function drawCost() {
  const points = report.results.map((r, i) => ({r, i})).filter(p => p.r.cost);
  if (points.length === 0)
    return section("cost").append(note("Not computed: the report was made from scores only."));
  const columns = make("div", {class: "columns"});
  const metrics = [...new Set(points.map(p => p.r.metric))];
  for (const metric of metrics) columns.append(scatter(points.filter(p => p.r.metric === metric), metric));
  columns.append(table([["", false], ["", false], ["GFLOP", true], ["Rows", true], ["LAL keys", true], ["Activations, MiB", true]],
    points.map(({r, i}) => [chip(i), r.integration + (r.withheld ? ", audio withheld" : ""), plain(r.cost.gflop), plain(r.cost.rows), plain(r.cost.audio_keys), plain(r.cost.activation_mib)])));
  section("cost").append(columns, note("All of it is computed from shapes, as means over the samples scored; nothing was timed. GFLOP: matrix products and attention of the " +
    "decoder in one forward over prompt, recording and reference answer; encoders and connectors are not counted. Rows: slots that pass every layer, audio by PLITS among them. " +
    "LAL keys: audio tokens that the selected layers read as keys and values only. Activations: an estimate of what one sample keeps for the backward of a training step. " +
    "Hollow: the audio was withheld."));
}

// ---- classes ----

function classTable(classes) {
  return table([["Class", false], ["Precision", true], ["Recall", true], ["F1", true], ["n", true], ["Answered", true]],
    classes.rows.map(c => [c.name, share(c.precision), share(c.recall), share(c.f1), String(c.n), String(c.said)]));
}

function clipped(text, most) { return text.length > most ? text.slice(0, most - 1) + "…" : text; }

function confusionFigure(classes) {
  const names = classes.rows.map(c => c.name).concat(classes.outside ? ["(no class)"] : []);
  const down = classes.rows.length, across = names.length;
  const cell = Math.max(5, Math.min(23, Math.floor(560 / across)));
  const room = cell < 9 ? 12 : 10 + 7.4 * Math.max(...names.map(n => clipped(n, 18).length));
  const svg = draw("svg", {width: room + across * cell + 4, height: room + down * cell + 26, role: "img", "aria-label": "confusion matrix"});
  const totals = classes.rows.map(c => c.n);
  svg.append(draw("rect", {x: room, y: room, width: across * cell, height: down * cell, fill: "#f6f8fa"}));
  for (const [from, to, count] of classes.confusion) {
    const mix = count / totals[from], hue = from === to ? "29,122,70" : "179,38,30";
    svg.append(draw("rect", {x: room + to * cell, y: room + from * cell, width: cell - 1, height: cell - 1, fill: `rgba(${hue},${0.18 + 0.82 * mix})`},
      draw("title", {}, `${names[from]} answered as ${names[to]}: ${count} of ${totals[from]}`)));
    if (cell >= 15) {
      const text = draw("text", {x: room + (to + 0.5) * cell - 0.5, y: room + (from + 0.5) * cell + 4, "text-anchor": "middle", "pointer-events": "none"}, String(count));
      if (mix > 0.45) text.style.fill = "#fff";
      svg.append(text);
    }
  }
  if (cell >= 9) names.forEach((name, i) => {
    if (i < down) svg.append(draw("text", {x: room - 6, y: room + (i + 0.5) * cell + 4, "text-anchor": "end"}, clipped(name, 18)));
    const x = room + (i + 0.5) * cell + 3;
    svg.append(draw("text", {x, y: room - 6, transform: `rotate(-90 ${x} ${room - 6})`}, clipped(name, 18)));
  });
  svg.append(draw("text", {x: room, y: room + down * cell + 18, class: "soft"}, "rows: reference; columns: answer; green: right, red: taken for another"));
  return svg;
}

function drawClasses() {
  const withClasses = report.results.map((r, i) => ({r, i})).filter(p => p.r.classes);
  if (withClasses.length === 0) return section("classes").append(note("The answers are free text, not classes."));
  const tabs = make("div", {class: "tabs"}), place = make("div", {class: "columns"});
  const show = chosen => {
    place.replaceChildren(classTable(withClasses[chosen].r.classes), confusionFigure(withClasses[chosen].r.classes));
    [...tabs.children].forEach((tab, i) => tab.setAttribute("aria-pressed", i === chosen));
  };
  withClasses.forEach(({r, i}, nth) => {
    const tab = make("button", {type: "button"}, chip(i), ` ${r.integration}${r.withheld ? ", audio withheld" : ""}`);
    tab.addEventListener("click", () => show(nth));
    tabs.append(tab);
  });
  section("classes").append(tabs, place, note("Precision, recall and F1 in percent; –: not defined, since the class was never answered or never asked."));
  show(0);
}

// ---- samples ----

const bytesOf = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const kLeft = 52, kWidth = 600, kHeight = 150, kAxis = 22, kRow = 5, kShareWidth = 84, kShareLeft = kLeft + kWidth + 14;

function spectrogram(clip) {
  const canvas = make("canvas", {width: clip.columns, height: clip.bands});
  const context = canvas.getContext("2d"), image = context.createImageData(clip.columns, clip.bands), bytes = bytesOf(clip.spectrogram);
  for (let band = 0; band < clip.bands; ++band)
    for (let column = 0; column < clip.columns; ++column) {
      const loud = bytes[band * clip.columns + column] / 255, at = 4 * ((clip.bands - 1 - band) * clip.columns + column);
      for (let c = 0; c < 3; ++c) image.data[at + c] = 255 - (255 - kInk[c]) * loud ** 1.4;
      image.data[at + 3] = 255;
    }
  context.putImageData(image, 0, 0);
  Object.assign(canvas.style, {left: kLeft + "px", top: "0", width: kWidth + "px", height: kHeight + "px"});
  return canvas;
}

function axes(clip, svg) {
  const step = niceStep(clip.shown);
  for (let t = 0; t <= clip.shown + 1e-9; t += step) {
    const x = kLeft + kWidth * t / clip.shown;
    svg.append(draw("line", {x1: x, x2: x, y1: kHeight, y2: kHeight + 4, class: "axis"}),
      draw("text", {x, y: kHeight + 17, "text-anchor": "middle", class: "soft"}, `${+t.toFixed(3)}${t === 0 ? " s" : ""}`));
  }
  const mel = f => f < 1000 ? 3 * f / 200 : 15 + 27 * Math.log(f / 1000) / Math.log(6.4);  // Slaney's scale
  for (const hertz of [500, 1000, 2000, 4000])
    svg.append(draw("text", {x: kLeft - 8, y: kHeight * (1 - mel(hertz) / mel(8000)) + 4, "text-anchor": "end", class: "soft"}, hertz < 1000 ? "500 Hz" : `${hertz / 1000} kHz`));
  svg.append(draw("rect", {x: kLeft, y: 0.5, width: kWidth, height: kHeight - 1, fill: "none", class: "axis"}));
}

// A word's weight a token over time: at one layer, or the mean of all.
function overTime(layers, word) {
  const bins = layers.filter(l => l.over_time[word]).map(l => ({most: l.over_time[word].most, bytes: bytesOf(l.over_time[word].bins)}));
  if (bins.length === 0) return null;
  return Array.from(bins[0].bytes, (_, b) => bins.reduce((sum, l) => sum + l.most * l.bytes[b] / 255, 0) / bins.length);
}

// Which answer, word, stream and layer a sample's figure shows.
class Look {
  constructor(view, figure) {
    this.view = view;
    this.figure = figure;
    this.layer = "mean";
    this.word = 0;
    this.result = view.answers.findIndex(a => a.listening && a.listening.words.length && a.listening.streams.some(s => s.layers.length));
    this.stream = this.result < 0 ? -1 : this.firstStream();
    this.changed = [];
  }
  get listening() { return this.view.answers[this.result].listening; }
  firstStream() {
    const lal = this.listening.streams.findIndex(s => s.integration === "LAL" && s.layers.length);
    return lal >= 0 ? lal : this.listening.streams.findIndex(s => s.layers.length);
  }
  set(change) {
    const other = change.result !== undefined && change.result !== this.result;
    Object.assign(this, change);
    if (other) { this.stream = this.firstStream(); this.layer = "mean"; }
    if (change.stream !== undefined) this.layer = "mean";
    this.show();
  }
  show() {
    drawAttention(this);
    for (const tell of this.changed) tell();
  }
}

function layerMap(look, layers) {
  const canvas = make("canvas", {width: 160, height: layers.length});
  const context = canvas.getContext("2d"), image = context.createImageData(160, layers.length);
  const ofLayers = layers.map(l => overTime([l], look.word));
  const most = Math.max(...ofLayers.flat());
  ofLayers.forEach((weights, row) => weights.forEach((value, b) => {
    const heat = most > 0 ? Math.sqrt(value / most) : 0;  // the root: weak layers stay visible
    for (let c = 0; c < 3; ++c) image.data[4 * (row * 160 + b) + c] = 255 - (255 - kHeat[c]) * heat;
    image.data[4 * (row * 160 + b) + 3] = 255;
  }));
  context.putImageData(image, 0, 0);
  Object.assign(canvas.style, {left: kLeft + "px", top: kHeight + kAxis + 20 + "px", width: kWidth + "px", height: kRow * layers.length + "px", imageRendering: "pixelated"});
  return canvas;
}

// The curve over the spectrogram.
function curve(weights) {
  const most = Math.max(...weights) || 1;
  const points = weights.map((value, b) => `${kLeft + kWidth * (b + 0.5) / weights.length},${kHeight - (kHeight - 12) * value / most}`);
  return draw("polygon", {points: `${kLeft},${kHeight} ${points.join(" ")} ${kLeft + kWidth},${kHeight}`, fill: "rgba(217,72,15,0.22)", stroke: "#d9480f", "stroke-width": 1.5});
}

function layerRows(look, layers, svg) {
  const top = kHeight + kAxis + 20, most = Math.max(...layers.map(l => l.share[look.word])) || 1;
  svg.append(draw("text", {x: kLeft, y: top - 7}, `“${look.listening.words[look.word]}” by layer`),
    draw("text", {x: kShareLeft + kShareWidth, y: top - 7, "text-anchor": "end", class: "soft"}, `share to ${(100 * most).toPrecision(2)} %`));
  layers.forEach((layer, row) => {
    const y = top + kRow * row, chosen = look.layer === layer.layer;
    if (row % 5 === 0 || row === layers.length - 1 && row % 5 > 2)
      svg.append(draw("text", {x: kLeft - 8, y: y + 7, "text-anchor": "end", class: "soft"}, String(layer.layer)));
    const bar = draw("g", {class: "row"}, draw("rect", {x: kLeft, y, width: kShareLeft + kShareWidth - kLeft, height: kRow, fill: "transparent"}),
      draw("rect", {x: kShareLeft, y: y + 0.5, width: kShareWidth * layer.share[look.word] / most, height: kRow - 1, fill: chosen ? "#1c2430" : "#e8926a"}),
      draw("title", {}, `layer ${layer.layer}: ${(100 * layer.share[look.word]).toFixed(1)} % of its attention on the stream`));
    if (chosen) bar.append(draw("rect", {x: kLeft, y, width: kWidth, height: kRow, fill: "none", stroke: "#1c2430"}));
    bar.addEventListener("click", () => look.set({layer: chosen ? "mean" : layer.layer}));
    svg.append(bar);
  });
  return top + kRow * layers.length;
}

function drawAttention(look) {
  const {figure, view} = look;
  figure.querySelectorAll(".attention").forEach(old => old.remove());
  const svg = draw("svg", {class: "attention", width: kShareLeft + kShareWidth, height: 10});
  axes(view.clip, svg);
  let height = kHeight + kAxis;
  if (look.result >= 0) {
    const layers = look.listening.streams[look.stream].layers;
    const weights = overTime(look.layer === "mean" ? layers : layers.filter(l => l.layer === look.layer), look.word);
    if (weights) {
      const map = layerMap(look, layers);
      map.classList.add("attention");
      figure.append(map);
      svg.append(curve(weights));
    }
    height = layerRows(look, layers, svg) + 4;
  }
  svg.setAttribute("height", height);
  svg.style.position = "relative";
  figure.append(svg);
  figure.style.height = height + "px";
}

function chooser(text, options, chosen, choose) {
  const select = make("select", {}, ...options.map(([value, name]) => make("option", {value}, name)));
  select.value = chosen;
  select.addEventListener("change", () => choose(select.value));
  return make("label", {}, text + " ", select);
}

// The player, with the choice of stream and layer; the figure's cursor follows it.
function controls(look) {
  const {view, figure} = look, place = make("div", {class: "listen"});
  const audio = make("audio", {controls: "", preload: "metadata", src: "data:audio/wav;base64," + view.clip.wav});
  const cursor = make("div", {class: "cursor"});
  const move = () => {
    cursor.style.left = kLeft + kWidth * Math.min(1, audio.currentTime / view.clip.shown) + "px";
    cursor.style.height = kHeight + "px";
    if (!audio.paused) requestAnimationFrame(move);
  };
  for (const event of ["play", "seeked", "pause"]) audio.addEventListener(event, move);
  figure.append(cursor);
  const choices = make("span");
  look.changed.push(() => {
    if (look.result < 0) return;
    const streams = look.listening.streams, layers = streams[look.stream].layers;
    choices.replaceChildren(
      chooser("stream", streams.map((s, i) => [i, `${s.name} (${s.integration}, ${s.tokens} tokens)`]).filter(([i]) => streams[i].layers.length), look.stream,
        value => look.set({stream: Number(value)})), " ",
      chooser("layer", [["mean", "mean of " + layers.length], ...layers.map(l => [l.layer, String(l.layer)])], look.layer,
        value => look.set({layer: value === "mean" ? value : Number(value)})));
  });
  place.append(audio, choices);
  return place;
}

function words(look, result, listening) {
  const said = make("span", {class: "said"});
  listening.words.forEach((text, word) => {
    const button = make("button", {type: "button", class: "word", title: "where this word looked"}, text);
    const choose = () => look.set({result, word});
    button.addEventListener("click", choose);
    button.addEventListener("mouseenter", choose);
    look.changed.push(() => button.setAttribute("aria-pressed", look.result === result && look.word === word));
    said.append(button);
  });
  return said;
}

function answerLine(look, answer, i) {
  const heard = look && answer.listening && answer.listening.words.length && answer.listening.streams.some(s => s.layers.length);
  const said = heard ? words(look, i, answer.listening) : make("span", {class: "said"}, answer.text === "" ? "(nothing)" : answer.text);
  let mark = make("span", {class: "mark"});
  if (answer.right !== undefined) mark = make("span", {class: "mark " + (answer.right ? "right" : "wrong")}, answer.right ? "✓ right" : "✗ wrong");
  else if (answer.score !== undefined) mark.append(answer.score.toFixed(3));
  return make("li", {}, chip(i), said, mark);
}

function drawSample(view) {
  const figure = make("div", {class: "figure"}), look = view.clip ? new Look(view, figure) : null;
  const facts = make("dl");
  const fact = (name, text) => facts.append(make("dt", {}, name), make("dd", {}, text));
  if (view.question) fact("Question", view.question);
  fact(view.references.length > 1 ? "References" : "Reference", view.references.join("\n"));
  if (view.clip) fact("Recording", `${view.clip.seconds.toFixed(2)} s` + (view.clip.shown < view.clip.seconds - 0.01 ? `, of which the first ${view.clip.shown.toFixed(0)} s are here` : ""));
  const text = make("div", {}, make("h3", {}, view.id), facts, make("ul", {class: "answers"}, ...view.answers.map((a, i) => answerLine(look, a, i))));
  const heard = make("div");
  if (look) {
    figure.append(spectrogram(view.clip));
    heard.append(figure, controls(look));
    look.show();
  } else if (view.clip_missing) {
    heard.append(note("Nothing to see: " + view.clip_missing + "."));
  }
  return make("article", {class: "sample"}, text, heard);
}

function drawSamples() {
  if (report.samples.length === 0) return section("samples").remove();
  const explained = report.scores_only ? "Made from scores only: recordings and models were not opened." :
    "Log-mel spectrogram (80 bands) of each recording. Point at a word of an answer: the curve shows the weight that the rows which predicted it gave to the audio tokens of each moment, as a mean of heads and tokens; " +
    "under it every layer that reads the stream (click one to see it alone; colour goes by the root of the weight), and beside it the share of all its attention that the stream got. " +
    "An answer without marks under its words was given without audio.";
  section("samples").append(note(explained), ...report.samples.map(drawSample));
}

document.getElementById("summary").textContent =
  `${report.results.length} ${report.results.length === 1 ? "result" : "results"}, ${report.samples.length} samples shown. Intervals are at 95 %.`;
drawScores();
drawComparisons();
drawCost();
drawClasses();
drawSamples();
document.body.dataset.drawn = "yes";
