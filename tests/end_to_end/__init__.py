"""The whole of it with real parts: a browser, a Home Assistant, a language model, a training."""
