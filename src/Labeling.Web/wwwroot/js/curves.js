// Learning curves: one uPlot chart per group of metrics, all sharing the x axis (training step).
import uPlot from "../lib/uplot/uPlot.esm.js";

const light = ["#2a5bd0", "#b4531a", "#1a7a4a", "#8a3fb0", "#a42a2a", "#0b7285"];
const dark = ["#8fb2ff", "#f2a56b", "#7fd6a2", "#d3a4ee", "#ff9d9d", "#6fd3e3"];
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

export function create(host, names) {
  let chart = null;
  let data = [[], ...names.map(() => [])];

  const draw = () => {
    chart?.destroy();
    const colours = scheme.matches ? dark : light;
    const axis = { stroke: resolve(host, "--muted"), grid: { stroke: resolve(host, "--line"), width: 1 }, ticks: { show: false } };
    chart = new uPlot(
      {
        width: Math.max(host.clientWidth, 240),
        height: 220,
        scales: { x: { time: false } },
        axes: [axis, { ...axis, size: 62 }],
        cursor: { drag: { x: true, y: false } },
        series: [
          { label: "step" },
          ...names.map((label, i) => ({
            label,
            stroke: colours[i % colours.length],
            width: 1.75,
            spanGaps: true,
            points: { show: (_, s) => data[s].filter(v => v != null).length < 40, size: 4 },
            value: (_, v) => (v == null ? "–" : Math.abs(v) >= 1000 || (v !== 0 && Math.abs(v) < 0.001) ? v.toExponential(2) : v.toPrecision(4)),
          })),
        ],
      },
      data,
      host);
  };

  const onScheme = () => draw();
  const resize = new ResizeObserver(() => chart?.setSize({ width: Math.max(host.clientWidth, 240), height: 220 }));
  scheme.addEventListener("change", onScheme);
  resize.observe(host);
  draw();

  return {
    // steps: sorted x values; columns: one array per name, null where the metric has no value at that step.
    append(steps, columns) {
      data = [data[0].concat(steps), ...columns.map((column, i) => data[i + 1].concat(column))];
      chart.setData(data);
    },
    dispose() {
      resize.disconnect();
      scheme.removeEventListener("change", onScheme);
      chart?.destroy();
    },
  };
}
