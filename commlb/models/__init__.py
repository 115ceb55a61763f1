"""A user's own model as a streaming machine: PyTorch, Hugging Face, ONNX, or an object; ``adapting`` chooses."""
