"""The parts of the face detector: resampling, canvases, proposals, boxes, weights."""
