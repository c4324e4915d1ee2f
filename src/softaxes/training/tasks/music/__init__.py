"""Real music: settings (`config`), labelled views of windows (`views`), what is learned (`task`), and the
corpus that it is learned from (`data`)."""
