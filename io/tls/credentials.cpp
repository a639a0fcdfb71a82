#include "io/tls/credentials.h"

#include <openssl/err.h>

namespace patronus::tls {
namespace {

constexpr const char* kRemedy = "; use the files that patronusctl tls init and tls issue make";

std::string read_certificates(const NamedFile& file, std::vector<Certificate>& into) {
  std::string pem;
  if (std::string error = read_file(file, kRemedy, pem); !error.empty()) return error;
  auto parsed = parse_certificates(pem);
  if (const auto* error = std::get_if<std::string>(&parsed)) return file.text() + " " + *error + kRemedy;
  into = std::move(std::get<std::vector<Certificate>>(parsed));
  return "";
}

std::string read_key(const NamedFile& file, PrivateKey& into) {
  std::string pem;
  if (std::string error = read_file(file, kRemedy, pem); !error.empty()) return error;
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
  auto authorities = read_authorities(files.authority);
  if (auto* error = std::get_if<std::string>(&authorities)) return std::move(*error);
  into.authorities = std::move(std::get<std::vector<Certificate>>(authorities));
  return "";
}

}  // namespace

std::variant<std::vector<Certificate>, std::string> read_authorities(const NamedFile& file) {
  std::vector<Certificate> authorities;
  if (std::string error = read_certificates(file, authorities); !error.empty()) return error;
  for (const Certificate& one : authorities) {
    if (X509_check_ca(one.get()) == 0) {
      return file.text() + " holds a certificate that is no authority's" +
             "; use the ca.crt that patronusctl tls init makes";
    }
  }
  return authorities;
}

std::variant<Credentials, std::string> read_credentials(const CredentialFiles& files) {
  Credentials credentials;
  if (std::string error = read_all(files, credentials); !error.empty()) return error;
  return credentials;
}

}  // namespace patronus::tls
