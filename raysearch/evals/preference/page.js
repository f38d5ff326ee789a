"use strict";
const study = JSON.parse(document.getElementById("data").textContent);
const root = document.getElementById("study");
const store = `raysearch-preference-${study.study}-${study.sheet}`;
const state = { annotator: "", answers: {}, at: 0 };
let shownAt = 0, replays = 0;

function load() {
  try { Object.assign(state, JSON.parse(localStorage.getItem(store) || "{}")); } catch (error) { /* private mode */ }
}

function save() {
  try { localStorage.setItem(store, JSON.stringify(state)); } catch (error) { /* kept in memory */ }
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function begin() {
  const name = make("input", { id: "annotator", autocomplete: "off", "aria-label": "your name or number" });
  const go = () => { if (name.value.trim()) { state.annotator = name.value.trim(); save(); show(); } };
  name.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.stopPropagation(); go(); } });
  root.replaceChildren(make("h1", {}, study.question),
    make("p", {}, `${study.items.length} pairs. Both videos play in a loop; look as often as you like.`),
    make("p", {}, "Your name or number: ", name, " "), make("button", { id: "begin", onclick: go }, "Begin"));
  name.focus();
}

function video(side, source) {
  return make("figure", {}, make("video", { id: side, src: source, muted: true, playsinline: true, preload: "auto",
    "aria-label": `${side} video` }));
}

/* Both start together, and again together once the longer one has ended. */
function synchronise(pair) {
  pair.forEach((v) => { v.muted = true; });
  const start = () => pair.forEach((v) => { v.currentTime = 0; v.play().catch(() => {}); });
  const ended = new Set();
  pair.forEach((v) => v.addEventListener("ended", () => {
    ended.add(v);
    if (ended.size === pair.length) { ended.clear(); replays += 1; start(); }
  }));
  const ready = pair.map((v) => new Promise((done) => {
    if (v.readyState >= 3) done(); else { v.addEventListener("canplay", done, { once: true });
      v.addEventListener("error", done, { once: true }); }
  }));
  Promise.all(ready).then(start);
}

function show() {
  if (!state.annotator) { begin(); return; }
  if (state.at >= study.items.length) { finish(); return; }
  const item = study.items[state.at];
  const answers = [["left", "Left", "1 or \u2190"], ["right", "Right", "2 or \u2192"]];
  if (study.ties) answers.splice(1, 0, ["tie", "Cannot decide", "0"]);
  const parts = [make("progress", { max: study.items.length, value: state.at, "aria-label": "progress" }),
    make("h1", {}, study.question), make("p", { class: "prompt" }, item.prompt)];
  if (item.given) {
    const clip = /\.(mp4|webm|mov)$/i.test(item.given);
    parts.push(clip ? make("video", { class: "given", src: item.given, muted: true, autoplay: true, loop: true })
      : make("img", { class: "given", src: item.given, alt: "what both videos continue" }));
  }
  const pair = make("div", { class: "pair" }, video("left", item.left), video("right", item.right));
  const row = make("div", { class: "answers" }, ...answers.map(([value, label, keys]) =>
    make("button", { "data-answer": value, onclick: () => answer(value) }, `${label} `, make("kbd", {}, keys))));
  const back = make("button", { id: "back", disabled: state.at === 0, onclick: goBack }, "Back");
  root.replaceChildren(...parts, pair, row, back,
    make("p", { class: "hint" }, `${state.at + 1} of ${study.items.length}. `, make("kbd", {}, "Space"), " plays again, ",
      make("kbd", {}, "Backspace"), " goes back."));
  shownAt = performance.now();
  replays = 0;
  synchronise([...pair.querySelectorAll("video")]);
}

function answer(value) {
  state.answers[state.at] = { study: study.study, sheet: study.sheet, item: study.items[state.at].item, answer: value,
    annotator: state.annotator, seconds: Math.round(performance.now() - shownAt) / 1000, replays,
    time: new Date().toISOString() };
  state.at += 1;
  save();
  show();
}

function goBack() {
  if (state.at > 0) { state.at -= 1; save(); show(); }
}

function exported() {
  return study.items.map((_, k) => state.answers[k]).filter(Boolean).map((a) => JSON.stringify(a)).join("\n") + "\n";
}

function finish() {
  const link = make("a", { id: "export", download: `answers-${study.sheet}.jsonl`,
    href: URL.createObjectURL(new Blob([exported()], { type: "application/x-ndjson" })) }, "Save the answers");
  root.replaceChildren(make("h1", {}, "Thank you."),
    make("p", {}, "Save the file and send it to whoever asked you."), make("p", {}, link),
    make("button", { id: "back", onclick: goBack }, "Back"),
    make("pre", { id: "answers", hidden: true }, exported()));
  link.focus();
}

document.addEventListener("keydown", (event) => {
  if (!state.annotator || event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.repeat) return;
  if (event.key === "Backspace") { event.preventDefault(); goBack(); return; }
  if (state.at >= study.items.length) return;
  const keys = { 1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right" };
  if (study.ties) keys[0] = "tie";
  if (keys[event.key]) { event.preventDefault(); answer(keys[event.key]); }
  if (event.key === " ") {
    event.preventDefault();
    replays += 1;
    document.querySelectorAll(".pair video").forEach((v) => { v.currentTime = 0; v.play().catch(() => {}); });
  }
});

load();
show();
