"""The parts of transformers that AnnealCallback uses, for machines without transformers."""


class TrainerCallback:
    def on_train_begin(self, args, state, control, **kwargs):
        pass

    def on_step_end(self, args, state, control, **kwargs):
        pass
