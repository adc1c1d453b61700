// Domain values as our API's JSON, and the reading of small JSON bodies.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "frontends/rest/route.h"

namespace vigil {

// RFC 3339, or null for 0 ("never", "unknown").
Json TimeJson(TimeUs time);
Json NumberJson(double value);  // null where it is not finite
Json ToJson(const RoleAssignment& role);
Json ToJson(const VersionRecord& version);
Json ToJson(const ModelView& model);
Json ToJson(const Alert& alert);
Json ToJson(const Job& job);
Json ToJson(const TimelineEvent& event);
Json ToJson(const ServerStatus& status);
Json ToJson(const Rollout& rollout);

Reply JsonReply(const Json& value, int status = 200);

// A control request's body: an object (empty: an empty one) whose members are all in `known`, which is blank-separated. Failures name the
// member and the nearest known one.
class JsonBody {
 public:
  static StatusOr<JsonBody> Read(const ApiRequest& request, std::string_view known);
  // The same of any JSON content type, with members that nobody here knows: for other people's protocols.
  static StatusOr<JsonBody> ReadAny(const ApiRequest& request);
  // Empty when absent or null. Failure of kInvalid when it is of another type.
  StatusOr<std::string> Text(std::string_view name) const;
  // As Text, but it must be there and not be empty.
  StatusOr<std::string> Required(std::string_view name) const;
  StatusOr<std::optional<int64_t>> Whole(std::string_view name) const;
  StatusOr<std::optional<double>> Number(std::string_view name) const;
  StatusOr<bool> Flag(std::string_view name, bool absent) const;
  // Null when absent.
  const Json* Find(std::string_view name) const;

 private:
  Json value_;
};

// Query parameters.
std::string QueryText(const ApiRequest& request, std::string_view name);
StatusOr<TimeUs> QueryTime(const ApiRequest& request, std::string_view name, TimeUs absent);
// 1 to `maximum`.
StatusOr<size_t> QueryLimit(const ApiRequest& request, size_t absent, size_t maximum);

}  // namespace vigil
