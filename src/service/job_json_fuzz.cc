// Any JSON as a stored retraining job: DATA_LOSS with a reason, or what is written back the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "service/retraining_service.h"

using namespace vigil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = ParseJson({reinterpret_cast<const char*>(data), size}, "job");
  if (!json.ok()) return 0;
  const auto job = JobFromJson(*json);
  if (!job.ok()) {
    if (!absl::IsDataLoss(job.status()) || job.status().message().size() < 30) std::abort();
    return 0;
  }
  if ((*json)["state"] != std::string(JobStateName(job->state))) std::abort();
  const auto again = JobFromJson(JobToJson(*job));
  if (!again.ok() || JobToJson(*again) != JobToJson(*job)) std::abort();
  return 0;
}
