#include "service/retraining_service.h"

namespace vigil {

Json JobToJson(const Job& job) {
  return Json{{"id", job.id},
              {"model", job.model},
              {"trigger", job.trigger},
              {"reason", job.reason},
              {"state", std::string(JobStateName(job.state))},
              {"parent", job.parent},
              {"champion_epoch", job.champion_epoch},
              {"created", job.created},
              {"started", job.started},
              {"ended", job.ended},
              {"window_from", job.window_from},
              {"window_to", job.window_to},
              {"as_of", job.as_of},
              {"attempts", job.attempts},
              {"candidate", job.candidate},
              {"message", job.message},
              {"gate_report", job.gate_report}};
}

StatusOr<Job> JobFromJson(const Json& value) {
  try {
    Job job;
    job.id = value.at("id");
    job.model = value.at("model");
    job.trigger = value.at("trigger");
    job.reason = value.at("reason");
    const std::string state = value.at("state");
    int i = 0;
    while (i <= static_cast<int>(JobState::kRefused) && JobStateName(static_cast<JobState>(i)) != state) ++i;
    if (i > static_cast<int>(JobState::kRefused)) {
      return absl::DataLossError("a stored job cannot be read: no state is called \"" + state + "\"");
    }
    job.state = static_cast<JobState>(i);
    job.parent = value.at("parent");
    job.champion_epoch = value.at("champion_epoch");
    job.created = value.at("created");
    job.started = value.at("started");
    job.ended = value.at("ended");
    job.window_from = value.at("window_from");
    job.window_to = value.at("window_to");
    job.as_of = value.at("as_of");
    job.attempts = value.at("attempts");
    job.candidate = value.at("candidate");
    job.message = value.at("message");
    job.gate_report = value.at("gate_report");
    return job;
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(std::string("a stored job cannot be read: ") + error.what());
  }
}

}  // namespace vigil
