// Literals as text.
#include "frontends/graphql/language/block_string.h"
#include "frontends/graphql/language/literal.h"
#include "frontends/graphql/language/words.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

void PrintInto(const Literal& literal, std::string* out) {
  switch (literal.kind) {
    case LiteralKind::kVariable: Append(out, "$", literal.text); return;
    case LiteralKind::kString: out->append(literal.block ? PrintBlockString(literal.text) : PrintString(literal.text)); return;
    case LiteralKind::kNull: out->append("null"); return;
    case LiteralKind::kList: {
      std::string_view between = "[";
      for (const Literal& item : literal.items) {
        out->append(between);
        PrintInto(item, out);
        between = ", ";
      }
      out->append(literal.items.empty() ? "[]" : "]");
      return;
    }
    case LiteralKind::kObject: {
      std::string_view between = "{";
      for (const LiteralField& field : literal.fields) {
        Append(out, between, field.name.text, ": ");
        PrintInto(field.value, out);
        between = ", ";
      }
      out->append(literal.fields.empty() ? "{}" : "}");
      return;
    }
    default: out->append(literal.text);
  }
}

bool LooksWhole(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string Print(const Literal& literal) {
  std::string out;
  PrintInto(literal, &out);
  return out;
}

std::string PrintValue(const Json& value, TypeRef type) {
  type = type.nullable();
  if (value.is_array()) {
    std::string out = "[";
    for (const Json& item : value) Append(&out, out.size() > 1 ? ", " : "", PrintValue(item, type.is_list() ? type.of() : type));
    return out.append("]");
  }
  if (type.is_list()) return PrintValue(value, type.of());
  if (value.is_object()) {
    std::string out = "{";
    for (const auto& [name, member] : value.items()) {
      const InputDef* field = type.named->Input(name);
      Append(&out, out.size() > 1 ? ", " : "", name, ": ", PrintValue(member, field != nullptr ? field->type : type));
    }
    return out.append("}");
  }
  if (value.is_number_float()) return NumberWord(value.get<double>());
  if (!value.is_string()) return DumpJson(value);
  const auto& text = value.get_ref<const std::string&>();
  const bool bare = type.named->kind == TypeKind::kEnum || (type.named->built_in == BuiltIn::kId && LooksWhole(text));
  return bare ? text : PrintString(text);
}

}  // namespace vigil::graphql
