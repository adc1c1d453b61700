#include "blobs/xml.h"

#include <expat.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"

namespace vigil::blobs {
namespace {

struct Reader {
  XML_Parser parser = nullptr;
  const std::function<Status(const XmlElement&)>* visit = nullptr;
  std::vector<XmlElement> open;
  Status status;

  // Ends the parse: nothing is called back any more.
  void Fail(Status why) {
    if (status.ok()) status = std::move(why);
    XML_StopParser(parser, XML_FALSE);
  }
};

void OnStart(void* data, const char* name, const char** attributes) {
  auto& reader = *static_cast<Reader*>(data);
  if (reader.open.size() == kXmlDepthMax)
    return reader.Fail(absl::InvalidArgumentError(absl::StrCat("more than ", kXmlDepthMax, " elements deep")));
  std::string_view local(name);
  if (const size_t colon = local.rfind(':'); colon != std::string_view::npos) local.remove_prefix(colon + 1);
  XmlElement element;
  element.path = reader.open.empty() ? std::string(local) : absl::StrCat(reader.open.back().path, "/", std::string(local));
  if (element.path.size() > kXmlTextBytesMax) return reader.Fail(absl::InvalidArgumentError("names of elements too long"));
  for (const char** a = attributes; *a != nullptr; a += 2)
    element.encoded |= std::string_view(a[0]) == "Encoded" && std::string_view(a[1]) == "true";
  reader.open.push_back(std::move(element));
}

void OnEnd(void* data, const char*) {
  auto& reader = *static_cast<Reader*>(data);
  const XmlElement element = std::move(reader.open.back());
  reader.open.pop_back();
  if (Status visited = (*reader.visit)(element); !visited.ok()) reader.Fail(std::move(visited));
}

void OnText(void* data, const char* text, int bytes) {
  auto& reader = *static_cast<Reader*>(data);
  if (reader.open.empty()) return;
  std::string& all = reader.open.back().text;
  if (all.size() + static_cast<size_t>(bytes) > kXmlTextBytesMax) {
    return reader.Fail(absl::InvalidArgumentError(absl::StrCat("an element of more than ", kXmlTextBytesMax, " bytes")));
  }
  all.append(text, static_cast<size_t>(bytes));
}

void OnDocumentType(void* data, const char*, const char*, const char*, int) {
  static_cast<Reader*>(data)->Fail(absl::InvalidArgumentError("a document type, which is not read"));
}

}  // namespace

Status ReadXml(std::string_view xml, const std::string& what, const std::function<Status(const XmlElement&)>& visit) {
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr), &XML_ParserFree);
  if (parser == nullptr) return absl::InternalError("expat does not start");
  Reader reader{parser.get(), &visit, {}, absl::OkStatus()};
  XML_SetUserData(parser.get(), &reader);
  XML_SetElementHandler(parser.get(), OnStart, OnEnd);
  XML_SetCharacterDataHandler(parser.get(), OnText);
  XML_SetStartDoctypeDeclHandler(parser.get(), OnDocumentType);
  constexpr size_t kPiece = 1 << 20;  // its sizes are ints
  for (size_t at = 0;; at += kPiece) {
    const std::string_view piece = xml.substr(std::min(at, xml.size()), kPiece);
    const bool last = at + kPiece >= xml.size();
    if (XML_Parse(parser.get(), piece.data(), static_cast<int>(piece.size()), last ? 1 : 0) != XML_STATUS_OK) {
      const std::string where = absl::StrCat(what, ": XML, line ", XML_GetCurrentLineNumber(parser.get()), ": ");
      if (!reader.status.ok()) return Status(reader.status.code(), absl::StrCat(where, std::string(reader.status.message())));
      return absl::InvalidArgumentError(absl::StrCat(where, XML_ErrorString(XML_GetErrorCode(parser.get()))));
    }
    if (last) return absl::OkStatus();
  }
}

}  // namespace vigil::blobs
