// The browser's camera: it starts on a click, and stops when the view or the tab is left.
import { h, field } from "./dom.js";

export function cameraProblem(error) {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    return "The browser gives a camera only to pages with HTTPS or on this machine itself. "
      + "Open http://localhost instead, or put TLS before the server.";
  }
  switch (error?.name) {
    case "NotAllowedError":
      return "The browser was told not to use the camera. Allow it with the camera sign beside "
        + "the address, then start again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No camera was found. Plug one in, or choose photographs instead.";
    case "NotReadableError":
    case "AbortError":
      return "The camera is busy. Close the other program that uses it, then start again.";
    default:
      return `The camera did not start (${error?.name ?? "no reason given"}). Choose photographs instead.`;
  }
}

export class Camera {
  constructor() {
    this.video = h("video", { playsinline: true, muted: true, class: "mirror",
      "aria-label": "Your camera" });
    this.video.muted = true;
    this.select = h("select", {}, h("option", { value: "" }, "The browser's choice"));
    this.picker = field("Camera", this.select);
    this.canvas = document.createElement("canvas");
    this.ended = () => {};
    this.hidden = () => { if (document.hidden) { this.stop(); this.ended(); } };
  }

  async start() {
    if (!window.isSecureContext || !navigator.mediaDevices) throw new Error(cameraProblem());
    try {
      const chosen = this.select.value;
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: {
        width: { ideal: 640 }, height: { ideal: 480 },
        ...(chosen ? { deviceId: { exact: chosen } } : { facingMode: "user" }) } });
    } catch (error) {
      throw new Error(cameraProblem(error));
    }
    this.video.srcObject = this.stream;
    await this.video.play();
    document.addEventListener("visibilitychange", this.hidden);
    this.stream.getVideoTracks()[0].addEventListener("ended", () => this.ended());
    await this.list();
  }

  async list() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const chosen = this.select.value;
    const cameras = devices.filter((device) => device.kind === "videoinput" && device.deviceId);
    this.select.replaceChildren(h("option", { value: "" }, "The browser's choice"),
      ...cameras.map((device, i) => h("option", { value: device.deviceId },
        device.label || `Camera ${i + 1}`)));
    this.select.value = chosen;
  }

  stop() {
    document.removeEventListener("visibilitychange", this.hidden);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  get running() { return Boolean(this.stream); }

  frame(quality = 0.88) {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return Promise.resolve(null);
    const shrink = Math.min(1, 960 / Math.max(width, height));
    this.canvas.width = Math.round(width * shrink);
    this.canvas.height = Math.round(height * shrink);
    this.canvas.getContext("2d").drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    return new Promise((done) => this.canvas.toBlob(done, "image/jpeg", quality));
  }
}
