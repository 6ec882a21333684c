"use strict";
// Values under the pointer, or under the arrow keys. Without this the page loses nothing else:
// every plot has its table.
(() => {
  const three = (value) => {
    const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return value.toFixed(digits);
  };
  const units = {
    us: (v) => v >= 1e6 ? three(v / 1e6) + " s" : v >= 1e3 ? three(v / 1e3) + " ms" : v + " us",
    rate: (v) => Math.round(v).toLocaleString("en-US") + "/s",
    share: (v) => (100 * v).toFixed(1) + " %",
  };
  const clock = (s) => {
    const two = (n) => String(n).padStart(2, "0");
    return s < 60 ? s + " s" : s < 3600 ? Math.floor(s / 60) + ":" + two(s % 60)
      : Math.floor(s / 3600) + ":" + two(Math.floor(s % 3600 / 60)) + ":" + two(s % 60);
  };
  const make = (parent, name, kind) => {
    const element = document.createElement(name);
    element.className = kind;
    parent.append(element);
    return element;
  };

  for (const plot of document.querySelectorAll(".plot")) {
    const data = JSON.parse(plot.querySelector("script").textContent);
    const count = data.lines.length ? data.lines[0].v.length : 0;
    if (!count) continue;
    const place = (i) => data.p ? data.p[i] / 1000 : count > 1 ? i / (count - 1) : .5;
    let at = null, tip = null, shown = -1;

    const show = (index) => {
      const i = Math.max(0, Math.min(count - 1, index));
      if (!tip) {
        at = make(plot, "div", "at");
        tip = make(plot, "div", "tip");
        tip.setAttribute("role", "status");
      }
      shown = i;
      at.style.left = 100 * place(i) + "%";
      tip.replaceChildren();
      make(tip, "p", "").textContent = data.x ? data.x[i] : clock(i * data.step);
      for (const line of data.lines) {
        if (line.v[i] === null) continue;
        const row = make(tip, "p", ""), name = make(row, "span", ""), value = make(row, "span", "");
        make(name, "i", "").style.setProperty("--c", "var(--" + line.c + ")");
        name.append(line.n);
        value.textContent = units[data.unit](line.v[i]);
      }
      const box = plot.getBoundingClientRect(), x = place(i) * box.width, wide = tip.offsetWidth;
      const most = document.documentElement.clientWidth - box.left - wide - 4;
      const left = place(i) > .5 ? x - 12 - wide : x + 12;
      tip.style.left = Math.max(4 - box.left, Math.min(left, most)) + "px";
    };
    const hide = () => {
      if (tip) { at.remove(); tip.remove(); }
      at = tip = null;
    };
    const nearest = (part) => {
      if (!data.p) return Math.round(part * (count - 1));
      let best = 0;
      for (let i = 1; i < count; i++)
        if (Math.abs(place(i) - part) < Math.abs(place(best) - part)) best = i;
      return best;
    };
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      show(nearest((event.clientX - box.left) / box.width));
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      show(shown + step);
    });
  }
})();
