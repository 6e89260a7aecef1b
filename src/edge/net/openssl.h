// What every user of OpenSSL's C interface here needs: owners of its objects, and its own words for what failed.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace holdfast::edge::openssl {

template <auto release>
struct Releaser {
  template <class T>
  void operator()(T* p) const {
    release(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Releaser<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Releaser<X509_free>>;

// The oldest error of this thread; all are forgotten.
inline std::string taken_error() {
  char text[256] = "no reason given";
  if (const auto code = ::ERR_get_error(); code != 0) ::ERR_error_string_n(code, text, sizeof text);
  ::ERR_clear_error();
  return text;
}

}  // namespace holdfast::edge::openssl
