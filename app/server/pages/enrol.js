// Enrol somebody: from the camera, led by the coach of the server, or from photographs.
import { h, svg, field, problem, announce, ask, capital } from "./dom.js";
import { call, here } from "./api.js";
import { Camera } from "./camera.js";
import { chooser, onPaste } from "./picture.js";

const LOOKS = ["straight", "left", "right", "up", "down"];
const REASONS = { near_duplicate: "too much alike", not_asked: "another look was asked for",
  no_face: "no face", one_person: "several people", closer: "too far away", further: "too close",
  centre: "not whole in the picture", too_dark: "too dark", too_bright: "too bright",
  blurred: "blurred", other_person: "another person", straight: "not upright" };
const STEP_MS = 70;

export function enrol(main) {
  const name = h("input", { autocomplete: "off", maxlength: 128, required: true });
  const result = h("div", { "aria-live": "polite" });
  const camera = new Camera();
  const overlay = h("canvas", { "aria-hidden": "true", class: "mirror" });
  const say = h("div", { class: "say", hidden: true });
  const empty = h("p", { class: "empty" }, "The camera starts when you press Start. Your pictures go to this server only, and none is kept.");
  const stage = h("div", { class: "stage" }, camera.video, overlay, empty, say);
  const start = h("button", { class: "main", type: "submit" }, "Start the camera");
  const cancel = h("button", { type: "button", hidden: true, onclick: () => end("Cancelled. Nothing was kept.") }, "Cancel");
  const ring = posing();
  const thumbs = h("ul", { class: "thumbs", "aria-label": "Pictures that will be kept" });
  const count = h("p", { class: "quiet small" });
  const outs = h("p", { class: "quiet small" });
  let session = null, socket = null, sent = new Map(), number = 0, said = "";

  const form = h("form", { onsubmit: (event) => { event.preventDefault(); begin(); } },
    field("Name of the person", name), camera.picker, h("div", { class: "row" }, start, cancel));

  function blank(frames = 8) {
    thumbs.replaceChildren(...Array.from({ length: frames }, () => h("li")));
    count.textContent = `0 of ${frames} pictures chosen`;
    outs.textContent = "";
    ring.show([], null);
  }

  async function begin() {
    if (session) return;
    result.replaceChildren();
    start.disabled = true;
    try {
      if (!name.value.trim()) { name.focus(); throw new Error("Give the person a name first"); }
      const { consent } = await call("GET", "/settings");
      if (consent.needed && !await ask("Do you agree?", consent.text, { action: "I agree" })) return;
      await camera.start();
      session = await call("POST", here("/sessions"), { json: { name: name.value,
        consent_version: consent.needed ? consent.version : null } });
    } catch (error) {
      camera.stop();
      result.replaceChildren(problem(error));
      return;
    } finally { start.disabled = false; }
    empty.hidden = start.hidden = true;
    say.hidden = cancel.hidden = false;
    name.readOnly = true;
    sent = new Map();
    number = 0;
    blank(session.frames);
    tell("Look into the camera");
    connect();
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/api/v1/sessions/${session.id}/stream?nonce=${session.nonce}`);
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => { opened = true; send(); };
    socket.onmessage = (event) => hear(JSON.parse(event.data));
    socket.onclose = () => {
      if (!session) return;
      if (opened) end("The connection was lost. Nothing was kept: start again.", true);
      else { socket = null; post(); }
    };
  }

  async function next() {
    const blob = camera.running ? await camera.frame() : null;
    if (!blob) return null;
    number += 1;
    sent.set(number, thumbnail(camera.canvas));
    return blob;
  }

  async function send() {
    if (!session) return;
    const blob = await next();
    if (!blob) { setTimeout(send, 100); return; }
    if (socket?.readyState === WebSocket.OPEN) socket.send(await blob.arrayBuffer());
  }

  // Where something between page and server blocks WebSockets.
  async function post() {
    while (session && !socket) {
      const blob = await next();
      if (!blob) { await pause(100); continue; }
      try {
        const answer = await call("POST", `/sessions/${session.id}/frames`, { body: blob,
          query: { number }, headers: { "X-Facegate-Nonce": session.nonce } });
        if (await take(answer)) return;
      } catch (error) {
        if (error.status === 429 || error.status === 503 || error.status === 422) await pause(700);
        else { end(problem(error), true); return; }
      }
      await pause(STEP_MS);
    }
  }

  async function hear(answer) {
    if (answer.saved) { done(answer.saved); return; }
    if (answer.error) {
      if (answer.error.code === "conflict") { await duplicate(answer.error); return; }
      if (["session_over", "not_ready", "disk_full"].includes(answer.error.code)) {
        end(problem(answer.error), true);
        return;
      }
      setTimeout(send, 300);
      return;
    }
    if (!await take(answer)) setTimeout(send, STEP_MS);
  }

  async function take(answer) {
    if (!session) return true;
    show(answer);
    if (answer.state === "failed") {
      end(problem({ message: `${name.value} was not enrolled: that was not enough`, hint: "start again, alone and in good light" }), true);
      return true;
    }
    if (answer.state !== "done") return false;
    camera.stop();
    if (answer.conflicts.length) await duplicate({ message: `this face looks like ${answer.conflicts[0].identity.name}, who is enrolled` });
    else await save(false);
    return true;
  }

  async function duplicate(error) {
    camera.stop();
    const wanted = await ask("Is this somebody else?", `${capital(error.message)}. Save it as ${name.value} all the same?`,
      { action: `Save as ${name.value}` });
    if (wanted) await save(true);
    else end("Cancelled. Nothing was kept.");
  }

  async function save(allowed) {
    tell("Saving …");
    if (socket) { socket.send(JSON.stringify({ do: "save", allow_duplicate: allowed })); return; }
    try {
      done(await call("POST", `/sessions/${session.id}/save`, { json: { allow_duplicate: allowed },
        headers: { "X-Facegate-Nonce": session.nonce } }));
    } catch (error) { end(problem(error), true); }
  }

  function done(saved) {
    const who = saved.identity?.name ?? name.value;
    end(h("div", { class: "verdict match" }, h("strong", {}, `${who} is enrolled`),
      h("p", {}, `${saved.kept} of ${saved.samples} pictures became templates. The pictures themselves were not kept.`),
      h("p", {}, h("a", { href: "#/identify" }, "Try it: identify a photograph"))));
    name.value = "";
    announce(`${who} is enrolled`);
  }

  function end(message, failed = false) {
    const over = session;
    session = null;
    if (over && !socket && failed === false) {
      call("DELETE", `/sessions/${over.id}`, { headers: { "X-Facegate-Nonce": over.nonce } }).catch(() => {});
    }
    socket?.close();
    socket = null;
    camera.stop();
    overlay.getContext("2d").clearRect(0, 0, overlay.width, overlay.height);
    empty.hidden = start.hidden = false;
    say.hidden = cancel.hidden = true;
    name.readOnly = false;
    result.replaceChildren(typeof message === "string" ? h("div", { class: failed ? "note bad" : "note", role: "status" }, message) : message);
    start.textContent = "Start again";
  }

  function tell(text) {
    say.textContent = text;
    if (text !== said) announce(text);
    said = text;
  }

  function show(answer) {
    tell(answer.text);
    ring.show(answer.covered, answer.wanted);
    thumbs.replaceChildren(...Array.from({ length: answer.wanted_frames }, (_, i) => {
      const picture = sent.get(answer.kept[i]);
      if (picture) picture.setAttribute("aria-label", `Picture ${i + 1}`);
      return h("li", {}, picture ?? null);
    }));
    for (const key of sent.keys()) if (key < answer.frame - 60 && !answer.kept.includes(key)) sent.delete(key);
    count.textContent = `${answer.kept.length} of ${answer.wanted_frames} pictures chosen; ${Math.ceil(answer.seconds_left)} s left`;
    const reasons = Object.entries(answer.left_out).slice(0, 3).map(([word, n]) => `${n} ${REASONS[word] ?? word}`);
    outs.textContent = reasons.length ? `Not kept: ${reasons.join(", ")}.` : "";
    boxed(overlay, camera.canvas, answer.face, answer.refused);
  }

  const source = chooser("Photographs of the person", send_photographs, { several: true });
  const allowed = h("input", { type: "checkbox" });
  const output = h("div", { "aria-live": "polite" });
  const other = h("input", { autocomplete: "off", maxlength: 128 });

  async function send_photographs(files) {
    output.replaceChildren();
    try {
      if (!other.value.trim()) { other.focus(); throw new Error("Give the person a name first"); }
      const body = new FormData();
      body.append("name", other.value);
      files.slice(0, 6).forEach((file, i) => body.append("photo", file, `photograph-${i + 1}`));
      output.replaceChildren(h("p", { class: "quiet" }, "Enrolling …"));
      const answer = await call("POST", here("/identities"), { form: body,
        query: { allow_duplicate: allowed.checked }, headers: { "Idempotency-Key": crypto.randomUUID() } });
      output.replaceChildren(h("div", { class: "verdict match" }, h("strong", {}, `${answer.identity.name} is enrolled`),
        h("p", {}, `${answer.kept} of ${answer.samples} photographs became templates.`),
        answer.left_out.map((entry) => h("p", {}, capital(entry.message) + "."))));
    } catch (error) { output.replaceChildren(problem(error)); }
  }

  const unpaste = onPaste((files) => source.take(files));
  blank();
  main.append(h("h1", {}, "Enrol"),
    h("p", { class: "lead" }, "Give a name to a face. You are asked to look in five directions, which takes about half a minute."),
    h("div", { class: "two" },
      h("section", { class: "card", "aria-label": "Camera" }, stage, h("p"), form),
      h("section", { class: "card", "aria-label": "Progress" }, ring.element, ring.list,
        h("h2", {}, "Will be kept"), thumbs, count, outs)),
    result,
    h("details", { class: "card" }, h("summary", {}, "Or enrol from photographs"), h("p"),
      field("Name of the person in the photographs", other), source.element,
      h("label", { class: "check" }, allowed, "Save also if somebody enrolled looks alike"), output));
  const cameraGone = () => { if (session) end("The camera stopped because the page was hidden or the camera was unplugged. Nothing was kept.", true); };
  camera.ended = cameraGone;
  return () => { unpaste(); source.stop(); if (session) end("Cancelled."); camera.stop(); };
}

function pause(ms) { return new Promise((done) => setTimeout(done, ms)); }

function thumbnail(canvas) {
  const side = Math.min(canvas.width, canvas.height);
  const small = document.createElement("canvas");
  small.width = small.height = 96;
  small.setAttribute("role", "img");
  small.getContext("2d").drawImage(canvas, (canvas.width - side) / 2, (canvas.height - side) / 2, side, side, 0, 0, 96, 96);
  return small;
}

function boxed(overlay, frame, face, refused) {
  overlay.width = frame.width;
  overlay.height = frame.height;
  if (!face) return;
  const pen = overlay.getContext("2d");
  const colour = refused ? "#ffce5c" : "#43d78a";
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 3;
  const [x1, y1, x2, y2] = face.box;
  pen.beginPath();
  pen.roundRect(x1, y1, x2 - x1, y2 - y1, 12);
  pen.stroke();
  for (const [x, y] of face.landmarks) {
    pen.beginPath();
    pen.arc(x, y, 3, 0, 7);
    pen.fill();
  }
}

// The ring of looks: four arcs for the sides, a hub for straight. The picture is a mirror, so a
// turn to one's left shows on the left.
function posing() {
  const arc = (from) => {
    const point = (degrees) => [84 + 66 * Math.cos(degrees * Math.PI / 180), 84 + 66 * Math.sin(degrees * Math.PI / 180)];
    const [x1, y1] = point(from + 6), [x2, y2] = point(from + 84);
    return svg("path", { class: "arc", d: `M${x1} ${y1} A66 66 0 0 1 ${x2} ${y2}` });
  };
  const parts = { right: arc(-45), down: arc(45), left: arc(135), up: arc(225),
    straight: svg("circle", { class: "hub", cx: 84, cy: 84, r: 26 }) };
  const items = Object.fromEntries(LOOKS.map((look) => [look, h("li", {}, capital(look))]));
  return {
    element: svg("svg", { class: "ring", viewBox: "0 0 168 168", "aria-hidden": "true" }, Object.values(parts)),
    list: h("ul", { class: "looks", "aria-label": "Looks" }, Object.values(items)),
    show(covered, wanted) {
      for (const look of LOOKS) {
        const kind = covered.includes(look) ? "done" : look === wanted ? "wanted" : "";
        parts[look].setAttribute("class", `${look === "straight" ? "hub" : "arc"} ${kind}`);
        items[look].className = kind;
        items[look].textContent = capital(look) + (kind === "done" ? " ✓" : "");
      }
    },
  };
}
