"""Plans the requests of a file, a JSON list, without the service: python local_plan.py FILE. Prints schedules, or the
code and the detail of refusals."""

import json
import sys

from lora_squeeze.annealing.plan import next_squeeze_step, plan_schedule, stage_at
from lora_squeeze import SqueezeError


def planned(request):
    try:
        schedule = plan_schedule(request)
    except SqueezeError as error:
        return {"code": error.code, "detail": error.detail}
    # The state of the training at every squeeze, just before it and at both ends follows from the plan alone.
    for stage in schedule["stages"]:
        assert stage_at(schedule, stage["begin_step"]) == stage, stage
        assert stage_at(schedule, stage["end_step"] - 1) == stage, stage
    assert stage_at(schedule, schedule["total_steps"]) == schedule["stages"][-1]
    for squeeze in schedule["squeezes"]:
        assert next_squeeze_step(schedule, squeeze["from_rank"]) == squeeze["step"]
    assert next_squeeze_step(schedule, schedule["target_rank"]) is None
    return schedule


with open(sys.argv[1], encoding="utf-8") as file:
    print(json.dumps([planned(request) for request in json.load(file)]))
