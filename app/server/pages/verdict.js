// Say a decision in words with its error rate, and place its score among the gallery's own.
import { h, svg, rate } from "./dom.js";
import { call, here, state } from "./api.js";

const LEAST = 6;
const CLASSES = { match: "match", "no match": "no", unknown: "unknown" };

export function verdict(title, decision, sentences) {
  return h("div", { class: `verdict ${CLASSES[decision] ?? ""}` }, h("strong", {}, title),
    sentences.filter(Boolean).map((sentence) => h("p", {}, sentence)));
}

// Beside the decision, never part of it.
export function presence(word) {
  if (word === "suspected") return "Presentation: this may be a photograph or a screen before the camera. It is a hint, no proof.";
  if (word === "ok") return "Presentation: no sign of a photograph or a screen. That does not prove a live face.";
  return null;
}

export function verifySentences(answer) {
  const lines = [];
  if (answer.score != null && answer.threshold != null) {
    lines.push(`Score ${answer.score.toFixed(3)}; ${answer.threshold.toFixed(3)} and more is a match.`);
  }
  if (answer.fmr != null) lines.push(`At this threshold at most ${rate(answer.fmr)} strangers would match.`);
  if (answer.fmr_at_score != null && answer.decision === "match") {
    lines.push(`At most ${rate(answer.fmr_at_score)} strangers score as high as this.`);
  }
  if (answer.problem) lines.push(answer.problem);
  lines.push(presence(answer.presentation));
  return lines;
}

export function identifySentences(face) {
  if (face.reason) return [face.reason, presence(face.presentation)];
  const lines = [];
  if (face.decision === "unknown" && face.score == null && !face.runner_up && state.me.scopes.includes("admin")) {
    lines.push("Nobody is enrolled here yet.");
  }
  if (face.score != null && face.threshold != null) {
    lines.push(`Score ${face.score.toFixed(3)}; ${face.threshold.toFixed(3)} and more is a match.`);
  }
  if (face.fpir != null) lines.push(`A stranger is taken for somebody enrolled at most ${rate(face.fpir)} times.`);
  if (face.runner_up) {
    const word = face.decision === "match" ? "Next" : "Nearest";
    lines.push(`${word}: ${face.runner_up.identity.name}, score ${face.runner_up.score.toFixed(3)}.`);
  }
  if (face.note) lines.push(face.note);
  lines.push(presence(face.presentation));
  return lines;
}

export async function histogram(score, threshold) {
  if (score == null) return null;
  let counts;
  try { counts = await call("GET", here("/histograms")); } catch { return null; }
  const { low, high, impostor, genuine } = counts;
  const strangers = impostor.reduce((a, b) => a + b, 0), same = genuine.reduce((a, b) => a + b, 0);
  // A handful of scores is no distribution.
  if (strangers + same < LEAST) return null;
  const width = 560, height = 120, step = width / impostor.length;
  const x = (value) => ((Math.min(Math.max(value, low), high) - low) / (high - low)) * width;
  const bars = (values, kind) => {
    const most = Math.max(...values, 1);
    return values.map((n, i) => n ? svg("rect", { class: kind, x: i * step, width: step - 1,
      y: height - (n / most) * (height - 24), height: (n / most) * (height - 24) }) : null);
  };
  const anchor = (value) => (x(value) > width - 90 ? "end" : "start");
  const shift = (value) => (x(value) > width - 90 ? -6 : 6);
  return h("figure", { class: "card" },
    svg("svg", { class: "chart", viewBox: `0 0 ${width} 150`, role: "img",
      "aria-label": `Score ${score.toFixed(3)} among the scores of this gallery` },
      bars(impostor, "strangers"), bars(genuine, "same"),
      threshold == null ? null : svg("line", { class: "limit", x1: x(threshold), x2: x(threshold), y1: 0, y2: height }),
      svg("line", { class: "score", x1: x(score), x2: x(score), y1: 0, y2: height }),
      svg("text", { x: x(score) + shift(score), y: 14, "text-anchor": anchor(score) }, "this score"),
      svg("text", { x: 0, y: 144 }, low.toFixed(1)), svg("text", { x: width, y: 144, "text-anchor": "end" }, high.toFixed(1))),
    h("figcaption", { class: "quiet small" },
      `Grey: ${strangers.toLocaleString()} scores between different people of this gallery; green: `
      + `${same.toLocaleString()} between samples of one person. Dashed: the threshold.`));
}
