#include "demo/client.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil::demo {
namespace {

// {"columns":[...],"data":[[...],...],"ids":[...],"entities":[...],"times":[...]}
void WriteRows(const DemoRow* begin, const DemoRow* end, std::string* body) {
  const auto list = [&](const char* key, auto&& item) {
    absl::StrAppend(body, "\"", key, "\":[");
    for (const DemoRow* row = begin; row != end; ++row) {
      if (row != begin) body->push_back(',');
      item(*row);
    }
    body->push_back(']');
  };
  body->assign("{\"columns\":[");
  for (size_t f = 0; f < kFeatureCount; ++f) absl::StrAppend(body, f == 0 ? "\"" : ",\"", FeatureNames()[f], "\"");
  body->append("],");
  list("data", [&](const DemoRow& row) {
    for (size_t f = 0; f < kFeatureCount; ++f) {
      body->push_back(f == 0 ? '[' : ',');
      AppendJsonNumber(body, row.features[f]);
    }
    body->push_back(']');
  });
  body->push_back(',');
  list("ids", [&](const DemoRow& row) { absl::StrAppend(body, "\"tx-", row.id, "\""); });
  body->push_back(',');
  list("entities", [&](const DemoRow& row) { absl::StrAppend(body, "\"cust-", row.customer, "\""); });
  body->push_back(',');
  list("times", [&](const DemoRow& row) { absl::StrAppend(body, "\"", FormatTime(row.time), "\""); });
  body->push_back('}');
}

}  // namespace

BankClient::BankClient(const std::string& url, std::string model) : model_(std::move(model)), client_(net::HttpClient::Create(url)) {}

StatusOr<Json> BankClient::Post(const std::string& target, const std::string& body) {
  VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse answer, client_->PostJson(target, body));
  if (answer.status != 200)
    return absl::InternalError(absl::StrCat("POST ", target, ": HTTP ", answer.status, ": ", answer.body.substr(0, 500)));
  return ParseJson(answer.body, target);
}

StatusOr<Json> BankClient::Get(const std::string& target) {
  VIGIL_ASSIGN_OR_RETURN(const net::ClientResponse answer, client_->Get(target));
  if (answer.status != 200)
    return absl::InternalError(absl::StrCat("GET ", target, ": HTTP ", answer.status, ": ", answer.body.substr(0, 500)));
  return ParseJson(answer.body, target);
}

StatusOr<std::vector<float>> BankClient::Predict(const std::vector<DemoRow>& rows) {
  std::vector<float> scores;
  scores.reserve(rows.size());
  for (size_t at = 0; at < rows.size(); at += kRowsARequest) {
    const size_t end = std::min(rows.size(), at + kRowsARequest);
    WriteRows(rows.data() + at, rows.data() + end, &body_);
    VIGIL_ASSIGN_OR_RETURN(const Json answer, Post(absl::StrCat("/api/v1/models/", model_, "/predict"), body_));
    const Json& predictions = answer["predictions"];
    if (predictions.size() != end - at)
      return absl::InternalError(absl::StrCat("sent ", end - at, " rows, got ", predictions.size(), " predictions"));
    for (const Json& prediction : predictions) scores.push_back(prediction.get<float>());
  }
  return scores;
}

Status BankClient::SendLabels(const std::vector<DemoRow>& rows, TimeUs observed_at) {
  const std::string observed = FormatTime(observed_at);
  for (size_t at = 0; at < rows.size(); at += 10 * kRowsARequest) {
    const size_t end = std::min(rows.size(), at + 10 * kRowsARequest);
    body_.assign("{\"labels\":[");
    for (size_t i = at; i < end; ++i) {
      absl::StrAppend(&body_, i == at ? "" : ",", "{\"id\":\"tx-", rows[i].id, "\",\"label\":", rows[i].fraud ? 1 : 0,
                      ",\"observed_at\":\"", observed, "\"}");
    }
    body_.append("]}");
    VIGIL_ASSIGN_OR_RETURN(const Json counts, Post("/api/v1/labels", body_));
    if (counts.value("accepted", int64_t{0}) != static_cast<int64_t>(end - at)) {
      return absl::InternalError(absl::StrCat("sent ", end - at, " labels, ", DumpJson(counts)));
    }
  }
  return absl::OkStatus();
}

Status BankClient::WaitForControl(TimeUs time, int64_t timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (std::chrono::steady_clock::now() < deadline) {
    VIGIL_ASSIGN_OR_RETURN(const Json status, Get("/api/v1/status"));
    // null until the first event
    const Json& reported = status.at("control_time");
    const TimeUs reached = reported.is_string() ? ParseTime(reported.get_ref<const std::string&>()).value_or(0) : 0;
    if (reached >= time) return absl::OkStatus();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return absl::DeadlineExceededError("the control loop did not catch up");
}

}  // namespace vigil::demo
