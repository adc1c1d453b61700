// Retraining jobs.
#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/words.h"

namespace vigil {

StatusOr<Reply> Retrain(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::Read(request, "reason"));
  VIGIL_ASSIGN_OR_RETURN(const std::string reason, body.Text("reason"));
  VIGIL_ASSIGN_OR_RETURN(const Job job, operations.Retrain(request.params[0], reason, request.principal));
  return JsonReply(ToJson(job), 202);
}

StatusOr<Reply> ListJobs(Operations& operations, const ApiRequest& request) {
  JobQuery query;
  query.model = QueryText(request, "model");
  if (const std::string name = QueryText(request, "state"); !name.empty()) {
    for (const JobState state :
         {JobState::kWaiting, JobState::kRunning, JobState::kDone, JobState::kNotReady, JobState::kFailed, JobState::kRefused}) {
      if (JobStateName(state) == name) query.state = state;
    }
    if (!query.state.has_value()) {
      return Failure(ErrorCode::kInvalid, "must be waiting, running, done, not_ready, failed or refused", "state");
    }
  }
  VIGIL_ASSIGN_OR_RETURN(query.limit, QueryLimit(request, query.limit, 10'000));
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Job> jobs, operations.Jobs(query));
  Json list = Json::array();
  for (const Job& job : jobs) list.push_back(ToJson(job));
  return JsonReply({{"jobs", std::move(list)}});
}

StatusOr<Reply> GetJob(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const Job job, operations.GetJob(request.params[0]));
  return JsonReply(ToJson(job));
}

}  // namespace vigil
