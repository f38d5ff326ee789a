"use strict";
/* Conveniences only: the videos of a row start together, pause together and are searched together; those out of sight
   rest, and are not loaded before they are seen. Surprise maps are drawn over them on demand. Without this script every
   video has its own controls. */
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const rows = [...document.querySelectorAll(".row")].filter((row) => row.querySelector("video")).map(begin);
  let rate = 1;

  function begin(element) {
    const videos = [...element.querySelectorAll("video")];
    const button = element.querySelector(".play"), range = element.querySelector("input");
    const row = { element, videos, button, range, seen: false, paused: still };
    element.querySelector(".control").hidden = false;
    marks(row);
    row.maps = videos.filter((v) => v.dataset.map).map(overlay);
    for (const video of videos) {
      video.controls = video.loop = video.autoplay = false;
      video.addEventListener("ended", () => {
        if (videos.every((v) => v.ended || v.error)) restart(row);
      });
    }
    videos[0].addEventListener("timeupdate", () => {
      if (document.activeElement !== range || !row.paused) range.value = 1000 * videos[0].currentTime / (videos[0].duration || 1);
    });
    button.addEventListener("click", () => { row.paused = !row.paused; show(row); });
    range.addEventListener("input", () => {
      row.paused = true;
      show(row);
      for (const v of videos) {
        v.preload = "auto";
        v.currentTime = range.value / 1000 * Math.max(0, (v.duration || 0) - 0.02);
      }
    });
    return row;
  }

  function marks(row) {
    for (const video of row.videos.filter((v) => v.dataset.break)) {
      const mark = document.createElement("i"), tile = video.closest(".tile");
      mark.className = `break ${tile.classList.contains("chosen") ? "chosen" : "other"}`;
      mark.style.left = `calc(8px + ${video.dataset.break} * (100% - 16px))`;
      mark.title = `First break: ${tile.querySelector("strong").textContent}`;
      row.range.parentElement.append(mark);
    }
  }

  function overlay(video) {
    const map = JSON.parse(video.dataset.map), cells = Uint8Array.from(atob(map.cells), (c) => c.charCodeAt(0));
    const canvas = document.createElement("canvas"), [top, left, height, width] = map.box;
    canvas.width = canvas.height = map.g;
    canvas.className = "map";
    Object.assign(canvas.style, { top: `${100 * top}%`, left: `${100 * left}%`, height: `${100 * height}%`, width: `${100 * width}%` });
    video.after(canvas);
    return { video, map, cells, canvas, shown: -1 };
  }

  const HEAT = [[0, 0, 0], [48, 12, 84], [124, 22, 96], [208, 62, 58], [246, 160, 46], [250, 240, 190]];
  function drawn(one) {
    const { video, map, cells, canvas } = one, duration = video.duration || 1;
    const frame = Math.min(map.t - 1, Math.floor(map.t * video.currentTime / duration));
    if (frame === one.shown) return;
    one.shown = frame;
    const context = canvas.getContext("2d"), image = context.createImageData(map.g, map.g), size = map.g * map.g;
    for (let k = 0; k < size; k++) {
      const level = cells[frame * size + k], share = (level - 1) / 254, at = Math.min(4.999, Math.max(0, share * 5));
      const low = HEAT[Math.floor(at)], high = HEAT[Math.floor(at) + 1], part = at - Math.floor(at);
      for (let c = 0; c < 3; c++) image.data[4 * k + c] = low[c] + part * (high[c] - low[c]);
      image.data[4 * k + 3] = level ? 64 + 140 * share : 0;
    }
    context.putImageData(image, 0, 0);
  }

  let mapped = false;
  function tick() {
    for (const row of rows) if (row.seen) row.maps.forEach(drawn);
    if (mapped) requestAnimationFrame(tick);
  }

  function restart(row) {
    for (const v of row.videos) v.currentTime = 0;
    show(row);
  }

  function show(row) {
    row.button.textContent = row.paused ? "Play" : "Pause";
    for (const v of row.videos) {
      if (row.seen) v.preload = "auto";
      v.playbackRate = rate;
      if (row.paused || !row.seen) v.pause();
      else if (!v.ended || row.videos.every((w) => w.ended || w.error)) v.play().catch(() => {});
    }
  }

  const pause = document.getElementById("pause"), slow = document.getElementById("slow");
  if (!rows.length || !pause) return;
  pause.parentElement.hidden = false;
  const label = (on) => { pause.setAttribute("aria-pressed", on); pause.textContent = on ? "Play all" : "Pause all"; };
  label(still);
  pause.addEventListener("click", () => {
    const on = pause.getAttribute("aria-pressed") !== "true";
    label(on);
    for (const row of rows) { row.paused = on; show(row); }
  });
  slow.addEventListener("click", () => {
    rate = rate === 1 ? 0.25 : 1;
    slow.setAttribute("aria-pressed", rate !== 1);
    rows.forEach(show);
  });
  const map = document.getElementById("map");
  if (map) map.addEventListener("click", () => {
    mapped = !mapped;
    map.setAttribute("aria-pressed", mapped);
    document.querySelector("main").classList.toggle("mapped", mapped);
    if (mapped) tick();
  });
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const row = rows.find((r) => r.element === entry.target);
      row.seen = entry.isIntersecting;
      show(row);
    }
  }, { rootMargin: "200px" });
  rows.forEach((row) => watch.observe(row.element));
})();
