-- a place holder
create extension rbac;
\dx rbac
\dx+ rbac
