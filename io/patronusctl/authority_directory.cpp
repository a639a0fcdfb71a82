#include "io/patronusctl/authority_directory.h"

#include <openssl/crypto.h>

#include <ctime>

#include "io/json/writer.h"
#include "io/patronusctl/files.h"

namespace patronus::ctl {

std::string below(const std::string& directory, const std::string& name) { return directory + "/" + name; }

int64_t now() { return std::time(nullptr); }

int fail(const std::string& why, int code) {
  print_error(why);
  return code;
}

void report(const std::vector<std::pair<std::string, std::string>>& files, Format format) {
  if (format == Format::kTable) {
    Rows rows;
    for (const auto& [path, what] : files) rows.emplace_back(path, what);
    print_rows(rows);
    return;
  }
  std::string text;
  json::Writer out(text);
  out.begin_object().begin_array("files");
  for (const auto& [path, what] : files) out.begin_object().field("path", path).field("what", what).end();
  out.finish();
  print_line(text);
}

std::variant<tls::Authority, std::string> open_authority(const std::string& directory) {
  ReadFile key = read_small_file(below(directory, kKeyFile));
  if (!key.error.empty()) {
    return key.error + "; make an authority with patronusctl tls init --dir " + directory;
  }
  const ReadFile certificate = read_small_file(below(directory, kCertificateFile));
  if (!certificate.error.empty()) return certificate.error;
  auto authority = tls::parse_authority(key.content, certificate.content);
  OPENSSL_cleanse(key.content.data(), key.content.size());
  if (auto* error = std::get_if<std::string>(&authority)) {
    return "the authority in '" + directory + "' can't be used: " + *error;
  }
  return authority;
}

}  // namespace patronus::ctl
