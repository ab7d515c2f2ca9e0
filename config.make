
# The statements of sql/statements/*/ as C, made anew when they change.

for skep_name in auth task notify; do

    skep_dir=$ngx_addon_dir/ngx_${skep_name}_module
    skep_out=$NGX_OBJS/skep/ngx_${skep_name}_sql

    skep_headers=`ls $skep_dir/*_fields.h 2>/dev/null | tr '\n' ' '`
    skep_fields=`ls $skep_dir/*_fields.h 2>/dev/null | sed 's/^/-f /' \
                 | tr '\n' ' '`
    skep_in=`ls $ngx_addon_dir/sql/statements/*.sql \
             $ngx_addon_dir/sql/statements/$skep_name/*.sql | tr '\n' ' '`

    skep_objs=
    for skep_src in $skep_dir/*.c $skep_out.c; do
        skep_obj=`basename \`dirname $skep_src\``/`basename $skep_src .c`.o
        skep_objs="$skep_objs $NGX_OBJS/addon/$skep_obj"
    done

    # the command that does nothing: so make looks at the header anew

    cat << END                                                >> $NGX_MAKEFILE

$skep_out.c:	$skep_in $skep_headers $ngx_addon_dir/sql/embed \
	$ngx_addon_dir/sql/embed.awk $ngx_addon_dir/sql/fields.awk
	sh $ngx_addon_dir/sql/embed $skep_fields $skep_in \
		ngx_${skep_name}_sql $NGX_OBJS/skep

$skep_out.h:	$skep_out.c
	@:

$skep_objs:	$skep_out.h

END

done

# the schema that this build was made for

cat << END                                                    >> $NGX_MAKEFILE

$NGX_OBJS/skep/skep_schema.h:	$ngx_addon_dir/sql/sqitch.plan \
	$ngx_addon_dir/sql/expected
	sh $ngx_addon_dir/sql/expected $ngx_addon_dir/sql/sqitch.plan > \$@.new
	mv \$@.new \$@

$NGX_OBJS/addon/ngx_api_module/ngx_api_health.o: $NGX_OBJS/skep/skep_schema.h

END
