using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Rlhf.Torch.Tests.Signatures;

/// <summary>The public surface of an assembly as lines of text: everything that a caller's source code depends on.</summary>
internal static partial class PublicMembers
{
    private const BindingFlags Everything = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

    /// <summary>"Type: member" for every public member of every public type.</summary>
    /// <param name="assembly">The assembly.</param>
    /// <param name="inherited">Whether a type's lines include what it inherits.</param>
    public static IEnumerable<string> Of(Assembly assembly, bool inherited) =>
        from type in assembly.GetTypes()
        where type.IsVisible
        from member in Of(type, inherited)
        select $"{type.FullName}: {member}";

    private static IEnumerable<string> Of(Type type, bool inherited)
    {
        var which = Everything | (inherited ? BindingFlags.FlattenHierarchy : BindingFlags.DeclaredOnly);
        var constructors = type.GetConstructors(Everything).Where(c => !c.IsStatic && IsOffered(c)).Select(c => $"{Access(c)}new({Parameters(c.GetParameters())})");
        var methods = type.GetMethods(which).Where(m => IsOffered(m) && !m.Name.Contains('.', StringComparison.Ordinal) && m.Name != "Finalize").Select(Line);
        var fields = type.GetFields(which)
            .Where(f => (f.IsPublic || f.IsFamily || f.IsFamilyOrAssembly) && IsOurs(f) && !f.IsSpecialName)
            .Select(f => type.IsEnum ? $"{f.Name} = {Convert.ToInt64(f.GetRawConstantValue(), CultureInfo.InvariantCulture)}" : $"{Static(f.IsStatic)}{Name(f.FieldType)} {f.Name}");
        return constructors.Concat(methods).Concat(fields).Distinct();
    }

    // Members hidden from the editor only guard against a mistake; they are not offered.
    private static bool IsOffered(MethodBase method) =>
        (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly) && IsOurs(method) && method.GetCustomAttribute<EditorBrowsableAttribute>() is not { State: EditorBrowsableState.Never };

    private static bool IsOurs(MemberInfo member) => member.DeclaringType?.Namespace?.StartsWith("System", StringComparison.Ordinal) != true;

    private static string Line(MethodInfo method)
    {
        var parameters = method.GetParameters();
        var start = Access(method) + Static(method.IsStatic);
        var accessor = method.DeclaringType!.GetProperties(Everything).FirstOrDefault(p => p.GetMethod == method || p.SetMethod == method);
        if (accessor is not null)
        {
            var isGet = accessor.GetMethod == method;
            var indices = isGet ? parameters : parameters[..^1];
            return $"{start}{(isGet ? "get" : "set")} {Name(accessor.PropertyType)} {accessor.Name}{(indices.Length > 0 ? $"[{Parameters(indices)}]" : "")}";
        }

        var generic = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(a => a.Name))}>" : "";
        return $"{start}{Name(method.ReturnType)} {method.Name}{generic}({Parameters(parameters)})";
    }

    private static string Access(MethodBase method) => method.IsPublic ? "" : "protected ";

    private static string Static(bool isStatic) => isStatic ? "static " : "";

    private static string Parameters(ParameterInfo[] parameters) => string.Join(", ", parameters.Select(p =>
        $"{(p.IsDefined(typeof(ParamArrayAttribute), false) ? "params " : "")}{Name(p.ParameterType)} {p.Name}{(p.HasDefaultValue ? $" = {Value(p.DefaultValue)}" : "")}"));

    private static string Value(object? value) => value switch
    {
        null => "null",
        bool truth => truth ? "true" : "false",
        string text => $"\"{text}\"",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => $"{value}",
    };

    private static string Name(Type type)
    {
        if (type.IsByRef || type.IsArray || type.IsPointer)
        {
            return Name(type.GetElementType()!) + (type.IsByRef ? "&" : type.IsArray ? "[]" : "*");
        }

        if (type.IsGenericParameter)
        {
            return type.Name;
        }

        var name = Arity().Replace(type.DeclaringType is { } outer ? $"{Name(outer.IsGenericType ? outer.GetGenericTypeDefinition() : outer)}.{type.Name}" : type.Name, "");
        return type.IsGenericType ? $"{name}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : name;
    }

    [GeneratedRegex(@"`\d+")]
    private static partial Regex Arity();
}
