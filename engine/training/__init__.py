"""TrainConfig, the schedule, fit(). `config` is plain data; `fit` needs Keras."""
