#include "app/settings.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"

namespace vigil {

extern const std::string_view kSettingsSchemaText;  // generated from api/vigil.schema.json

namespace {

std::string TypeOf(const Json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  return "null";
}

bool IsOfType(const Json& value, const std::string& type) {
  const std::string actual = TypeOf(value);
  return actual == type || (type == "number" && actual == "integer");
}

class Checker {
 public:
  Checker(const YamlDocument& document, const std::string& file) : document_(document), file_(file) {}

  Status Check(const Json& value, const Json& schema, const std::string& pointer) const {
    if (schema.contains("enum")) return CheckEnum(value, schema["enum"], pointer);
    VIGIL_RETURN_IF_ERROR(CheckType(value, schema, pointer));
    if (value.is_object()) return CheckObject(value, schema, pointer);
    if (value.is_array() && schema.contains("items")) {
      for (size_t i = 0; i < value.size(); ++i) VIGIL_RETURN_IF_ERROR(Check(value[i], schema["items"], absl::StrCat(pointer, "/", i)));
    }
    if (value.is_number()) return CheckRange(value.get<double>(), schema, pointer);
    if (schema.value("format", "") == "duration") {
      if (const auto duration = ParseDuration(value.get_ref<const std::string&>()); !duration.ok()) {
        return Refuse(pointer, std::string(duration.status().message()));
      }
    }
    return absl::OkStatus();
  }

 private:
  Status CheckType(const Json& value, const Json& schema, const std::string& pointer) const {
    if (!schema.contains("type")) return absl::OkStatus();
    const Json& type = schema["type"];
    std::vector<std::string> accepted;
    for (const Json& t : type.is_array() ? type : Json::array({type})) accepted.push_back(t);
    for (const std::string& t : accepted) {
      if (IsOfType(value, t)) return absl::OkStatus();
    }
    return Refuse(pointer, absl::StrCat("must be ", absl::StrJoin(accepted, " or "), ", not ", TypeOf(value)));
  }

  Status CheckEnum(const Json& value, const Json& choices, const std::string& pointer) const {
    std::vector<std::string> names;
    for (const Json& choice : choices) {
      if (choice == value) return absl::OkStatus();
      names.push_back(choice);
    }
    const std::string given = value.is_string() ? value.get<std::string>() : DumpJson(value);
    return Refuse(pointer, absl::StrCat("\"", given, "\" is not one of ", absl::StrJoin(names, ", "), DidYouMean(given, names)));
  }

  Status CheckObject(const Json& value, const Json& schema, const std::string& pointer) const {
    const Json properties = schema.value("properties", Json::object());
    std::vector<std::string> known;
    for (const auto& [name, unused] : properties.items()) known.push_back(name);
    for (const auto& [name, child] : value.items()) {
      const std::string at = absl::StrCat(pointer, "/", name);
      if (properties.contains(name)) {
        VIGIL_RETURN_IF_ERROR(Check(child, properties[name], at));
      } else if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object()) {
        VIGIL_RETURN_IF_ERROR(Check(child, schema["additionalProperties"], at));
      } else if (schema.contains("additionalProperties")) {
        return Refuse(at, absl::StrCat("unknown key", DidYouMean(name, known)));
      }
    }
    for (const Json& required : schema.value("required", Json::array())) {
      if (!value.contains(required)) return Refuse(pointer, absl::StrCat("needs the key \"", required.get<std::string>(), "\""));
    }
    return absl::OkStatus();
  }

  Status CheckRange(double value, const Json& schema, const std::string& pointer) const {
    if (schema.contains("minimum") && value < schema["minimum"].get<double>()) {
      return Refuse(pointer, absl::StrCat(NumberText(value), " is below ", NumberText(schema["minimum"].get<double>())));
    }
    if (schema.contains("maximum") && value > schema["maximum"].get<double>()) {
      return Refuse(pointer, absl::StrCat(NumberText(value), " is above ", NumberText(schema["maximum"].get<double>())));
    }
    return absl::OkStatus();
  }

  Status Refuse(const std::string& pointer, const std::string& why) const {
    const auto line = document_.lines.find(pointer);
    std::string name = pointer.empty() ? "the document" : pointer.substr(1);
    for (char& c : name) c = c == '/' ? '.' : c;
    return absl::InvalidArgumentError(
        absl::StrCat(file_, line == document_.lines.end() ? "" : absl::StrCat(":", line->second), ": ", name, ": ", why));
  }

  const YamlDocument& document_;
  const std::string& file_;
};

// A flag's or variable's text as the setting's type.
StatusOr<Json> FromText(const std::string& text, const Json& schema, const std::string& origin) {
  const std::string type = schema.contains("enum") ? "string" : schema.value("type", "string");
  if (type == "string") return Json(text);
  if (type == "boolean") {
    if (text == "1" || text == "true" || text == "yes") return Json(true);
    if (text == "0" || text == "false" || text == "no" || text.empty()) return Json(false);
  } else if (type == "integer") {
    int64_t whole = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return Json(whole);
  } else if (type == "number") {
    double number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && std::isfinite(number)) return Json(number);
  }
  return absl::InvalidArgumentError(absl::StrCat(origin, ": \"", text, "\" is not a ", type));
}

class Merger {
 public:
  Merger(const std::map<std::string, std::string>& environment, const std::vector<std::pair<std::string, std::string>>& flags)
      : environment_(environment) {
    for (const auto& [pointer, text] : flags) flags_[pointer] = text;
  }

  // Fills `out` with every default under `schema`, then what the file says, then the environment and the flags.
  Status Merge(const Json& schema, const Json& given, const std::string& pointer, EffectiveSettings* settings, Json* out) {
    const Json properties = schema.value("properties", Json::object());
    if (schema.value("type", Json()) == "object" && !properties.empty()) {
      *out = Json::object();
      for (const auto& [name, child] : properties.items()) {
        Json value;
        VIGIL_RETURN_IF_ERROR(Merge(child, given.is_object() && given.contains(name) ? given[name] : Json(),
                                    absl::StrCat(pointer, "/", name), settings, &value));
        if (!value.is_null()) (*out)[name] = std::move(value);
      }
      return absl::OkStatus();
    }
    if (schema.value("type", Json()) == "array" && given.is_array() && schema.contains("items")) {
      *out = Json::array();
      for (size_t i = 0; i < given.size(); ++i) {
        Json item;
        VIGIL_RETURN_IF_ERROR(Merge(schema["items"], given[i], absl::StrCat(pointer, "/", i), settings, &item));
        out->push_back(std::move(item));
      }
      return absl::OkStatus();
    }
    if (given.is_object() && schema.contains("additionalProperties") && schema["additionalProperties"].is_object()) {
      *out = Json::object();
      for (const auto& [name, child] : given.items()) {
        VIGIL_RETURN_IF_ERROR(Merge(schema["additionalProperties"], child, absl::StrCat(pointer, "/", name), settings, &(*out)[name]));
      }
      return absl::OkStatus();
    }
    return MergeScalar(schema, given, pointer, settings, out);
  }

 private:
  Status MergeScalar(const Json& schema, const Json& given, const std::string& pointer, EffectiveSettings* settings, Json* out) {
    const std::string variable = schema.value("x-env", "");
    const auto environment = environment_.find(variable);
    std::string origin;
    if (const auto flag = flags_.find(pointer); flag != flags_.end()) {
      std::string name = pointer.substr(pointer.rfind('/') + 1);
      for (char& c : name) c = c == '_' ? '-' : c;
      origin = absl::StrCat("flag --", name);
      VIGIL_ASSIGN_OR_RETURN(*out, FromText(flag->second, schema, origin));
    } else if (!variable.empty() && environment != environment_.end()) {
      origin = absl::StrCat("environment ", variable);
      VIGIL_ASSIGN_OR_RETURN(*out, FromText(environment->second, schema, origin));
    } else if (!given.is_null()) {
      origin = "file";
      *out = given;
    } else if (schema.contains("default")) {
      origin = "default";
      *out = schema["default"];
    } else {
      return absl::OkStatus();
    }
    settings->origins[pointer] = origin;
    if (origin == "file" || origin == "default") return absl::OkStatus();
    YamlDocument lone;
    return Checker(lone, origin).Check(*out, schema, pointer);
  }

  const std::map<std::string, std::string>& environment_;
  std::map<std::string, std::string> flags_;
};

}  // namespace

const Json& SettingsSchema() {
  static const Json schema = Json::parse(kSettingsSchemaText);
  return schema;
}

Status CheckSettings(const YamlDocument& document, const std::string& file) {
  return Checker(document, file).Check(document.value, SettingsSchema(), "");
}

StatusOr<EffectiveSettings> MergeSettings(const YamlDocument& document, const std::map<std::string, std::string>& environment,
                                          const std::vector<std::pair<std::string, std::string>>& flags) {
  EffectiveSettings settings;
  VIGIL_RETURN_IF_ERROR(Merger(environment, flags).Merge(SettingsSchema(), document.value, "", &settings, &settings.value));
  return settings;
}

}  // namespace vigil
