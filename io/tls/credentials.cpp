#include "io/tls/credentials.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "core/base/limits.h"

namespace patronus::tls {
namespace {

constexpr const char* kRemedy = "; use the files that patronusctl tls init and tls issue make";

using Content = std::variant<std::string, int>;  // the bytes, or errno

// Without blocking on what is no file: opening a pipe for reading would wait for its writer.
Content read_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  struct stat about{};
  int error = fstat(fd, &about) != 0 ? errno : 0;
  if (error == 0 && !S_ISREG(about.st_mode)) error = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
  std::string content;
  std::array<char, size_t{16} * 1024> piece{};
  while (error == 0) {
    const ssize_t n = read(fd, piece.data(), piece.size());
    if (n == 0) break;
    if (n < 0) {
      error = errno == EINTR ? 0 : errno;
      continue;
    }
    content.append(piece.data(), static_cast<size_t>(n));
    if (content.size() > limits::kTlsFileBytesMax) error = EFBIG;
  }
  close(fd);
  if (error != 0) return error;
  return content;
}

// The file's bytes in `content`, or the line that says why not.
std::string read_into(const NamedFile& file, std::string& content) {
  Content read = read_file(file.path);
  if (const int* error = std::get_if<int>(&read)) {
    return file.text() + " can't be read: " + std::generic_category().message(*error) + kRemedy;
  }
  content = std::move(std::get<std::string>(read));
  return "";
}

std::string read_certificates(const NamedFile& file, std::vector<Certificate>& into) {
  std::string pem;
  if (std::string error = read_into(file, pem); !error.empty()) return error;
  auto parsed = parse_certificates(pem);
  if (const auto* error = std::get_if<std::string>(&parsed)) return file.text() + " " + *error + kRemedy;
  into = std::move(std::get<std::vector<Certificate>>(parsed));
  return "";
}

std::string read_key(const NamedFile& file, PrivateKey& into) {
  std::string pem;
  if (std::string error = read_into(file, pem); !error.empty()) return error;
  auto parsed = parse_private_key(pem);
  OPENSSL_cleanse(pem.data(), pem.size());
  if (const auto* error = std::get_if<std::string>(&parsed)) return file.text() + " " + *error + kRemedy;
  into = std::move(std::get<PrivateKey>(parsed));
  return "";
}

std::string check_node(const CredentialFiles& files, const X509* certificate) {
  if (files.node.empty()) return "";
  const std::optional<NodeId> node = node_of(certificate);
  if (node == files.node) return "";
  const std::string whose = node ? "is the certificate of node " + *node : "names no node";
  return files.certificate.text() + " " + whose + ", this is " + files.node +
         "; use the one that patronusctl tls issue --node " + files.node + " makes";
}

std::string check_authority(const CredentialFiles& files, const std::vector<Certificate>& authorities) {
  for (const Certificate& one : authorities) {
    if (X509_check_ca(one.get()) == 0) {
      return files.authority.text() + " holds a certificate that is no authority's" +
             "; use the ca.crt that patronusctl tls init makes";
    }
  }
  return "";
}

std::string read_all(const CredentialFiles& files, Credentials& into) {
  if (std::string error = read_certificates(files.certificate, into.chain); !error.empty()) return error;
  if (std::string error = read_key(files.key, into.key); !error.empty()) return error;
  const X509* own = into.chain.front().get();
  ERR_clear_error();
  if (X509_check_private_key(own, into.key.get()) != 1) {
    ERR_clear_error();
    return files.key.text() + " is not the key of the certificate in " + files.certificate.text() +
           "; use the two files that were made together";
  }
  if (std::string error = check_node(files, own); !error.empty()) return error;
  if (files.authority.path.empty()) return "";
  if (std::string error = read_certificates(files.authority, into.authorities); !error.empty()) return error;
  return check_authority(files, into.authorities);
}

}  // namespace

std::variant<Credentials, std::string> read_credentials(const CredentialFiles& files) {
  Credentials credentials;
  if (std::string error = read_all(files, credentials); !error.empty()) return error;
  return credentials;
}

}  // namespace patronus::tls
