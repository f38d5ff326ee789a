"use strict";
/* Conveniences only: the videos of a row start together, pause together and are searched together; those out of sight
   rest. Without this script every video has its own controls. */
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const rows = [...document.querySelectorAll(".row")].filter((row) => row.querySelector("video")).map(begin);
  let rate = 1;

  function begin(element) {
    const videos = [...element.querySelectorAll("video")];
    const button = element.querySelector(".play"), range = element.querySelector("input");
    const row = { element, videos, button, range, seen: false, paused: still };
    element.querySelector(".control").hidden = false;
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
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const row = rows.find((r) => r.element === entry.target);
      row.seen = entry.isIntersecting;
      show(row);
    }
  }, { rootMargin: "200px" });
  rows.forEach((row) => watch.observe(row.element));
})();
