"""One step at a time, as fast as NumPy goes: a stepper for each kind of layer whose live step costs."""
