// Reads a JSON object field by field into plain values, for configuration and stored state. Absent keys leave the default; a wrong type
// and an unknown key are errors that name the path and the nearest key.
//
//   JsonFields fields(value, "alerting.rules[2]");
//   fields.Read("name", &rule.name);
//   fields.ReadDuration("cooldown", &rule.cooldown_us);
//   VIGIL_RETURN_IF_ERROR(fields.Finish());
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status.h"
#include "base/text.h"

namespace vigil {

// One thread; `value` must outlive it. The first error is kept, later reads do nothing.
class JsonFields {
 public:
  JsonFields(const Json& value, std::string_view where) : value_(value), where_(where) {
    if (!value.is_object()) Fail(where_, "an object");
  }

  // The member, or null when it is absent or null. Counts as known.
  const Json* Find(const char* key) {
    known_.emplace_back(key);
    if (!status_.ok() || !value_.is_object()) return nullptr;
    const auto found = value_.find(key);
    return found == value_.end() || found->is_null() ? nullptr : &*found;
  }

  bool Read(const char* key, std::string* out) {
    return Convert(
        key, "text", [](const Json& j) { return j.is_string(); }, [&](const Json& j) { *out = j.get<std::string>(); });
  }
  bool Read(const char* key, bool* out) {
    return Convert(
        key, "true or false", [](const Json& j) { return j.is_boolean(); }, [&](const Json& j) { *out = j.get<bool>(); });
  }
  bool Read(const char* key, double* out) {
    return Convert(
        key, "a number", [](const Json& j) { return j.is_number(); }, [&](const Json& j) { *out = j.get<double>(); });
  }
  bool Read(const char* key, std::optional<double>* out) {
    double number = 0;
    if (!Read(key, &number)) return false;
    *out = number;
    return true;
  }
  bool Read(const char* key, int64_t* out) {
    return Convert(key, "a whole number", IsWhole, [&](const Json& j) { *out = j.get<int64_t>(); });
  }
  bool Read(const char* key, int* out) {
    return Convert(
        key, "a whole number below 2^31", [](const Json& j) { return IsWhole(j) && std::abs(j.get<double>()) < 2147483648.0; },
        [&](const Json& j) { *out = j.get<int>(); });
  }
  bool Read(const char* key, std::vector<std::string>* out) {
    return Convert(
        key, "a list of texts",
        [](const Json& j) {
          if (!j.is_array()) return false;
          for (const Json& item : j) {
            if (!item.is_string()) return false;
          }
          return true;
        },
        [&](const Json& j) { *out = j.get<std::vector<std::string>>(); });
  }
  bool ReadDuration(const char* key, int64_t* out_us) {
    return Convert(
        key, "a span of time such as \"90s\", \"12h\" or \"7d\"",
        [](const Json& j) { return j.is_string() && ParseDuration(j.get_ref<const std::string&>()).ok(); },
        [&](const Json& j) { *out_us = *ParseDuration(j.get_ref<const std::string&>()); });
  }
  // RFC 3339.
  bool ReadTime(const char* key, TimeUs* out) {
    return Convert(
        key, "a time such as \"2018-07-15T00:00:00Z\"",
        [](const Json& j) { return j.is_string() && ParseTime(j.get_ref<const std::string&>()).ok(); },
        [&](const Json& j) { *out = *ParseTime(j.get_ref<const std::string&>()); });
  }
  // One of `names`; gives its index.
  bool ReadChoice(const char* key, const std::vector<std::string>& names, int* out) {
    std::string text;
    if (!Read(key, &text)) return false;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == text) {
        *out = static_cast<int>(i);
        return true;
      }
    }
    Set(absl::StrCat(Path(key), ": \"", text, "\" is none of ", Joined(names), DidYouMean(text, names)));
    return false;
  }

  std::string Path(std::string_view key) const { return where_.empty() ? std::string(key) : where_ + "." + std::string(key); }
  // Records an error of the caller's own.
  void Set(std::string message) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(message);
  }

  // The first error so far, for documents that may hold further keys.
  const Status& error() const { return status_; }
  // The first error, or an unknown key. Call once, after every read.
  Status Finish() {
    if (!status_.ok() || !value_.is_object()) return status_;
    for (const auto& [key, unused] : value_.items()) {
      bool known = false;
      for (const std::string& name : known_) known = known || name == key;
      if (!known) {
        return absl::InvalidArgumentError(absl::StrCat(Path(key), ": unknown key", DidYouMean(key, known_), "; known: ", Joined(known_)));
      }
    }
    return absl::OkStatus();
  }

 private:
  static bool IsWhole(const Json& j) {
    if (j.is_number_unsigned()) return j.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX);
    if (j.is_number_integer()) return true;
    return j.is_number_float() && std::abs(j.get<double>()) < 9.0e15 && std::floor(j.get<double>()) == j.get<double>();
  }
  static std::string Joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) absl::StrAppend(&text, text.empty() ? "" : ", ", name);
    return text;
  }
  void Fail(const std::string& path, std::string_view wanted) {
    Set(absl::StrCat(path.empty() ? "document" : path, ": expected ", std::string(wanted)));
  }
  template <typename Is, typename Get>
  bool Convert(const char* key, std::string_view wanted, Is is, Get get) {
    const Json* member = Find(key);
    if (member == nullptr) return false;
    if (!is(*member)) {
      Fail(Path(key), wanted);
      return false;
    }
    get(*member);
    return true;
  }

  const Json& value_;
  std::string where_;
  std::vector<std::string> known_;
  Status status_;
};

}  // namespace vigil
