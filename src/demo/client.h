// The bank's side of the demo: sends each day's transactions over HTTP, and a week later what became of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "demo/days.h"
#include "net/client.h"

namespace vigil::demo {

class BankClient {
 public:
  BankClient(const std::string& url, std::string model);
  // Scores of `rows` in order; sent in requests of kRowsARequest.
  StatusOr<std::vector<float>> Predict(const std::vector<DemoRow>& rows);
  // Labels of `rows`, known at `observed_at`. Every one must find its prediction.
  Status SendLabels(const std::vector<DemoRow>& rows, TimeUs observed_at);
  StatusOr<Json> Get(const std::string& target);
  // Until the control loop has judged everything up to `time`, jobs included.
  Status WaitForControl(TimeUs time, int64_t timeout_ms);

  static constexpr size_t kRowsARequest = 1000;

 private:
  StatusOr<Json> Post(const std::string& target, const std::string& body);

  const std::string model_;
  std::unique_ptr<net::HttpClient> client_;
  std::string body_;
};

}  // namespace vigil::demo
