// A file that a setting names, and its bytes.
#pragma once

#include <string>
#include <string_view>

namespace patronus::tls {

// A file as the operator named it: the variable goes into errors.
struct NamedFile {
  std::string variable;  // such as "PATRONUS_TLS_CERT"
  std::string path;

  // "PATRONUS_TLS_CERT='/etc/…'", as errors begin.
  std::string text() const { return variable + "='" + path + "'"; }
};

// Puts the file's bytes into `content` without ever waiting for what is no file; at most kTlsFileBytesMax.
// Returns nothing on success, else one line that names the variable and the path and ends with `remedy`.
[[nodiscard]] std::string read_file(const NamedFile& file, std::string_view remedy, std::string& content);

}  // namespace patronus::tls
