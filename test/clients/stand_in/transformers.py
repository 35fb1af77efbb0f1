"""What AnnealCallback uses of transformers, for machines that do not have it."""


class TrainerCallback:
    def on_train_begin(self, args, state, control, **kwargs):
        pass

    def on_step_end(self, args, state, control, **kwargs):
        pass
