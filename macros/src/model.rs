//! `#[derive(Model)]`: the fields of a struct as keys of the state.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Field, Fields, LitStr, Path, Result, ext::IdentExt,
};

/// What the attributes of a field say.
#[derive(Default)]
struct Rules {
    default: Option<Expr>,
    rename: Option<LitStr>,
    read_only: bool,
    transient: bool,
    check: Option<Path>,
}

/// A field, as the generated code needs it.
struct Key {
    field: Ident,
    constant: Ident,
    name: String,
    rules: Rules,
    source: Field,
}

pub(crate) fn derive(input: DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input, "a model is a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&input.ident, "the fields of a model have names"));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "a model has no generic parameters"));
    }
    let keys = fields.named.iter().map(key).collect::<Result<Vec<_>>>()?;
    Ok(implementation(&input.ident, &keys))
}

fn key(source: &Field) -> Result<Key> {
    let Some(field) = source.ident.clone() else {
        return Err(Error::new_spanned(source, "the fields of a model have names"));
    };
    let rules = rules(&source.attrs)?;
    let own = field.unraw().to_string();
    let constant = Ident::new(&own.to_uppercase(), Span::call_site().located_at(field.span()));
    let name = rules.rename.as_ref().map_or(own, LitStr::value);
    Ok(Key { field, constant, name, rules, source: source.clone() })
}

fn rules(attributes: &[Attribute]) -> Result<Rules> {
    let mut rules = Rules::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("model")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("default") {
                rules.default = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("rename") {
                rules.rename = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("check") {
                rules.check = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("read_only") {
                rules.read_only = true;
            } else if meta.path.is_ident("transient") {
                rules.transient = true;
            } else {
                let known =
                    "`default = …`, `rename = \"…\"`, `read_only`, `transient` or `check = …`";
                return Err(meta.error(format!("expected {known}")));
            }
            Ok(())
        })?;
    }
    Ok(rules)
}

fn implementation(model: &Ident, keys: &[Key]) -> TokenStream {
    let constants = keys.iter().map(constant);
    let declarations = keys.iter().map(declaration);
    let names = keys.iter().map(|key| &key.name);
    let reads = keys.iter().map(|Key { field, name, .. }| {
        quote!(#field: __values.next().unwrap_or(::selvedge::values::Packed::nil()).decode_for(#name)?)
    });
    let writes =
        keys.iter().map(|Key { field, name, .. }| quote!(__batch.set(#name, &self.#field);));
    quote! {
        impl #model {
            #(#constants)*
        }

        impl ::selvedge::state::Model for #model {
            fn declare(__state: &::selvedge::State) -> ::selvedge::Result<()> {
                #(#declarations)*
                ::core::result::Result::Ok(())
            }

            fn read(
                __state: impl ::core::convert::AsRef<::selvedge::State>,
            ) -> ::selvedge::Result<Self> {
                let mut __values = __state.as_ref().packed_together(&[#(#names),*]).into_iter();
                ::core::result::Result::Ok(#model { #(#reads),* })
            }

            fn write(&self, __state: impl ::core::convert::AsRef<::selvedge::State>) {
                __state.as_ref().batch(|__batch| { #(#writes)* });
            }
        }
    }
}

/// The constant of a field, with its documentation and visibility.
fn constant(Key { constant, name, source, .. }: &Key) -> TokenStream {
    let docs = source.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let (visibility, ty) = (&source.vis, &source.ty);
    quote! {
        #(#docs)*
        #[allow(dead_code)]
        #visibility const #constant: ::selvedge::state::Key<#ty> = ::selvedge::state::Key::new(#name);
    }
}

/// The statements that declare a field.
fn declaration(Key { name, rules, source, .. }: &Key) -> TokenStream {
    let ty = &source.ty;
    let default = match &rules.default {
        Some(default) => quote!(#default),
        None => quote!(::core::default::Default::default()),
    };
    let read_only = rules.read_only.then(|| quote!(__state.read_only(&[#name]);));
    let transient = rules.transient.then(|| quote!(__state.transient(&[#name]);));
    let check = rules.check.as_ref().map(|check| quote!(__state.validate::<#ty>(#name, #check);));
    quote! {
        ::core::mem::drop(__state.key::<#ty>(#name));
        #read_only
        #transient
        #check
        __state.set_default(#name, (|| -> #ty { #default })())?;
    }
}
