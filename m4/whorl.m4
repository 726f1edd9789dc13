dnl Checks of the compiler that configure.ac needs in more than one place.

dnl WHORL_ADD_CFLAGS(VARIABLE, FLAGS): adds to VARIABLE those of FLAGS that the compiler takes
dnl without a warning; a compiler that lacks one makes a library that is right all the same.
AC_DEFUN([WHORL_ADD_CFLAGS],
[for whorl_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether $CC takes $whorl_flag])
    whorl_saved_cflags=$CFLAGS
    CFLAGS="$CFLAGS -Werror $whorl_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
        [AC_MSG_RESULT([yes])
         $1="$$1 $whorl_flag"],
        [AC_MSG_RESULT([no])])
    CFLAGS=$whorl_saved_cflags
done])

dnl WHORL_CHECK_LINK(FLAGS, IF-TRUE, IF-FALSE): can a program be compiled and linked with FLAGS?
AC_DEFUN([WHORL_CHECK_LINK],
[AC_MSG_CHECKING([whether $CC links with $1])
whorl_saved_cflags=$CFLAGS
CFLAGS="$CFLAGS $1"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [whorl_links=yes], [whorl_links=no])
CFLAGS=$whorl_saved_cflags
AC_MSG_RESULT([$whorl_links])
AS_IF([test $whorl_links = yes], [$2], [$3])])
