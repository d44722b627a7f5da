// Learning curves: one uPlot chart per metric over the training step; the cursors of all charts on the page move together.
import uPlot from "../lib/uplot/uPlot.esm.js";

const height = 170;
const scheme = matchMedia("(prefers-color-scheme: dark)");
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name);

// light-dark() is resolved only on a real property, so the axis colours are read from an element.
function resolve(host, name) {
  const probe = document.createElement("span");
  probe.style.color = css(name);
  host.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

const format = v => {
  if (v == null) {
    return "–";
  }
  const size = Math.abs(v);
  return size !== 0 && (size < 0.001 || size >= 100000) ? v.toExponential(2) : String(Number(v.toPrecision(4)));
};

export function create(host, name) {
  let chart = null;
  let data = [[], []];
  const width = () => Math.max(host.clientWidth, 200);

  const draw = () => {
    chart?.destroy();
    const stroke = resolve(host, "--accent");
    const axis = { stroke: resolve(host, "--muted"), grid: { stroke: resolve(host, "--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    chart = new uPlot(
      {
        width: width(),
        height,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        scales: { x: { time: false } },
        axes: [{ ...axis, size: 26 }, { ...axis, size: 54, values: (_, splits) => splits.map(format) }],
        cursor: { drag: { x: true, y: false }, sync: { key: "step" } },
        series: [{ label: "step" }, { label: name, stroke, width: 1.75, points: { show: () => data[0].length < 40, size: 4, fill: stroke } }],
        hooks: {
          setCursor: [u => {
            const i = u.cursor.idx;
            host.dataset.at = i == null ? "" : `${format(data[1][i])} at step ${data[0][i]}`;
          }],
        },
      },
      data,
      host);
  };

  const resize = new ResizeObserver(() => chart?.setSize({ width: width(), height }));
  scheme.addEventListener("change", draw);
  resize.observe(host);
  draw();

  return {
    append(steps, values) {
      data = [data[0].concat(steps), data[1].concat(values)];
      chart.setData(data);
    },
    dispose() {
      resize.disconnect();
      scheme.removeEventListener("change", draw);
      chart?.destroy();
    },
  };
}
